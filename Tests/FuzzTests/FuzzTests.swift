import Foundation
import Mutations
import Testing

/// A few hundred of the mutations that `make fuzz` makes by the hundred thousand: each is read or refused.
@Suite struct FuzzTests {
    @Test(arguments: Subject.all.map(\.name)) func isReadOrRefused(_ name: String) throws {
        let subject = try #require(Subject.all.first { $0.name == name })
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lorgnette-fuzz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let read = try subject.run(from: 0, to: 300, in: folder.path)
        #expect(read > 0 && read < 300)
    }
}
