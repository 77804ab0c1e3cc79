import Foundation
import Glibc
import Testing
import Wire

@testable import ExpertKit

@Suite struct PictureSourceTests {
    let content = Array("a picture".utf8)
    /// `printf 'a picture' | sha256sum`
    let hash: [UInt8] = [
        0x92, 0xb2, 0xfa, 0x58, 0x02, 0x89, 0x58, 0x31, 0x7e, 0x40, 0x8b, 0xd8, 0x4e, 0xcf, 0xa7, 0x0f,
        0x5e, 0xe3, 0x5b, 0x12, 0x19, 0x91, 0xdb, 0xc2, 0x32, 0xc4, 0x9d, 0x16, 0x63, 0x53, 0x70, 0x8b,
    ]

    private func withFile(_ content: [UInt8], _ body: (String) throws -> Void) throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/expertkit-tests-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        try #require(file >= 0)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        #expect(write(file, content, content.count) == content.count)
        close(file)
        try body(path)
    }

    @Test func readsAndProves() throws {
        try withFile(content) { path in
            let source = PictureSource(place: .path(path), sha256: hash, byteCount: content.count)
            let proved = try source.read()
            let unchecked = try PictureSource(place: .path(path)).read()
            #expect(proved == content && unchecked == content)
        }
        #expect(try PictureSource(place: .bytes(Payload(content)), sha256: hash, byteCount: content.count).read() == content)
    }

    @Test func aChangedFileIsNamed() throws {
        try withFile(Array("b picture".utf8)) { path in
            for (source, what) in [
                (PictureSource(place: .path(path), sha256: hash, byteCount: 9), "same length"),
                (PictureSource(place: .path(path), sha256: hash, byteCount: 10), "other length"),
                (PictureSource(place: .path(path + ".gone"), sha256: hash, byteCount: 9), "deleted"),
                (PictureSource(place: .path("/tmp")), "a folder now"),
                (PictureSource(place: .path("/dev/null")), "a device now"),
                (PictureSource(place: .bytes(Payload(content)), sha256: hash, byteCount: 10), "cut on the way"),
            ] {
                let failure = #expect(throws: ExpertFailure.self, "\(what)") { try source.read() }
                #expect(failure?.code == .changed, "\(what)")
            }
        }
    }

    @Test func aPipeInItsPlaceDoesNotHoldUs() throws {
        try withFile([]) { path in
            unlink(path)
            #expect(mkfifo(path, 0o600) == 0)
            #expect(throws: ExpertFailure.self) { try PictureSource(place: .path(path)).read() }
        }
    }
}
