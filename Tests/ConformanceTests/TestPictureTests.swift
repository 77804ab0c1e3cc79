import Foundation
import Pictures
import Testing

@testable import Conformance

@Suite struct TestPictureTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "lorgnette-picture-\(UUID().uuidString)")

    @Test func theDrawnPictureIsAPNGWithAWordOnIt() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let drawn = try TestPicture.drawn(at: folder.appendingPathComponent("a.png").path)
        let picture = try Picture.load(path: drawn.path)
        #expect(picture.width == drawn.extent.width && picture.height == drawn.extent.height)
        let dark = picture.rgb.count { $0 < 100 }
        #expect(dark > picture.rgb.count / 20 && dark < picture.rgb.count / 2)
        let read = try TestPicture.read(drawn.path)
        #expect(read.extent == drawn.extent && read.bytes == drawn.bytes && read.sha256.count == 32)
    }

    @Test func whatIsNoPNGIsRefused() throws {
        #expect(throws: ConformanceError.self) { try TestPicture.read(#filePath) }
        #expect(throws: ConformanceError.self) { try TestPicture.read("/nowhere.png") }
        #expect(PNG.extent(of: PNG.signature) == nil)
    }
}
