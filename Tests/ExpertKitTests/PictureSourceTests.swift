import Glibc
import Testing
import Wire

@testable import ExpertKit

@Suite struct PictureSourceTests {
    @Test(arguments: [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (3, "b361d0f9a938a2bb4fbdc9c21dc5a859788041b0040919d8a811c1888184f4df"),
        (55, "576a1bf8d4478657e6dc4af9398544765c2a92cde28478b019235cfed315fc09"),
        (56, "9b20501dfd1d99161c257950f3444f3e49230c351c5c8e0943ef369f85f5205d"),
        (63, "30b345906b493f06f69444b6521113511c242f30e29840462950035043682f1e"),
        (64, "d8bc63b4fc1156e5e7d95a418b9bf54cd3174bedbc2db40f74895349b229b3c0"),
        (119, "7a6589821178918ca8d9edaba5abfc1e9b2669564f4469b66885379c1530b2c8"),
        (120, "655250427d56b1b0eeb8497d21428704273458a01772d6881b65c0abac0f8a98"),
        (1000, "89f4ff56a25dd1db06a4ce6033603775d705fb96f30f8693733fef602a1ca532"),
    ])
    func sha256AgreesAtBlockEdges(_ length: Int, _ expected: String) {
        // Bytes 0, 7, 14, … modulo 256; the digests are Python hashlib's.
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: 7 * $0) }
        #expect(hex(bytes.withUnsafeBytes(SHA256.hash)) == expected)
    }

    @Test func sha256OfTheStandardsExample() {
        #expect(hex(Array("abc".utf8).withUnsafeBytes(SHA256.hash)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    private func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }

    private func withFile(_ content: [UInt8], _ body: (String) throws -> Void) throws {
        var template = Array("/tmp/expertkit-tests-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        try #require(file >= 0)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        #expect(write(file, content, content.count) == content.count)
        close(file)
        try body(path)
    }

    @Test func readsAndProves() throws {
        let content = Array("a picture".utf8)
        let hash = content.withUnsafeBytes(SHA256.hash)
        try withFile(content) { path in
            let source = PictureSource(place: .path(path), sha256: hash, byteCount: content.count)
            let proved = try source.read()
            let unchecked = try PictureSource(place: .path(path)).read()
            #expect(proved == content && unchecked == content)
        }
        #expect(try PictureSource(place: .bytes(Payload(content)), sha256: hash, byteCount: content.count).read() == content)
    }

    @Test func aChangedFileIsNamed() throws {
        let content = Array("a picture".utf8)
        let hash = content.withUnsafeBytes(SHA256.hash)
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
