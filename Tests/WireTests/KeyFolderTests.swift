import Foundation
import Glibc
import Testing

@testable import Wire

@Suite struct KeyFolderTests {
    let path: String
    let keys: KeyFolder

    init() throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/key-tests-XXXXXX".utf8CString)
        path = String(cString: try #require(mkdtemp(&template)))
        keys = KeyFolder("\(path)/a/keys")
    }

    private func reason(_ body: () throws -> Void) -> String {
        let error = #expect(throws: WireError.self) { try body() }
        guard case .key(_, let reason) = error else { return "another error: \(String(describing: error))" }
        return reason
    }

    private func mode(_ file: String) -> mode_t {
        var facts = stat()
        return stat(file, &facts) == 0 ? facts.st_mode & 0o777 : 0
    }

    @Test func aPairIsMadeAndReadAgain() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let pair = try keys.make("gpu-box")
        #expect(mode(keys.secretFile("gpu-box")) == 0o600)
        #expect(mode(keys.path) == 0o700)
        #expect(try keys.keyPair("gpu-box").publicKey == pair.publicKey)
        #expect(try keys.keyPair(keys.secretFile("gpu-box")).secret == pair.secret)
        for word in ["gpu-box", keys.publicFile("gpu-box"), pair.publicKey.description] {
            #expect(try keys.publicKey(word) == pair.publicKey)
        }
        #expect(try keys.make("other").publicKey != pair.publicKey)
        #expect(reason { try keys.make("gpu-box") }.contains("never overwritten"))
        #expect(try keys.keyPair("gpu-box").secret == pair.secret)
    }

    @Test func aSecretIsNeverShown() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let pair = try keys.make("a")
        var dumped = ""
        dump(pair, to: &dumped)
        for text in ["\(pair)", String(reflecting: pair), dumped] {
            #expect(!text.contains(pair.secret))
            #expect(text.contains(pair.publicKey.description))
        }
        // A secret in another form is still one.
        try "x \(pair.secret)\n".write(toFile: keys.secretFile("b"), atomically: false, encoding: .utf8)
        chmod(keys.secretFile("b"), 0o600)
        #expect(!reason { _ = try keys.keyPair("b") }.contains(pair.secret))
        let error = #expect(throws: WireError.self) { try keys.keyPair(pair.secret) }
        #expect(error?.description.contains(pair.secret) == false)
        #expect(!(try String(contentsOfFile: keys.publicFile("a"), encoding: .utf8)).contains(pair.secret))
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o610] as [mode_t]) func aSecretThatOthersCanTouchIsRefused(_ loose: mode_t)
        throws
    {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try keys.make("a")
        chmod(keys.secretFile("a"), loose)
        let reason = reason { _ = try keys.keyPair("a") }
        #expect(reason.contains("mode \(String(loose, radix: 8))") && reason.contains("chmod 600"), "\(reason)")
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give a file away")) func anothersFilesAreRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try keys.make("a")
        chown(keys.secretFile("a"), 12345, 12345)
        chown(keys.publicFile("a"), 12345, 12345)
        #expect(reason { _ = try keys.keyPair("a") }.contains("belongs to user 12345"))
        #expect(reason { _ = try keys.publicKey("a") }.contains("belongs to user 12345"))
    }

    @Test func aPublicKeyThatEverybodyCanWriteIsRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try keys.make("a")
        chmod(keys.publicFile("a"), 0o666)
        #expect(reason { _ = try keys.publicKey("a") }.contains("everybody can write"))
    }

    @Test func theTwoHalvesAreNotMixedUp() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try keys.make("a")
        #expect(reason { _ = try keys.publicKey(keys.secretFile("a")) } == "expected a public key, found a secret one")
        chmod(keys.publicFile("a"), 0o600)
        #expect(reason { _ = try keys.keyPair(keys.publicFile("a")) }.contains("expected lorgnette-secret-key"))
    }

    @Test(arguments: ["", ".", "..", ".a", "-a", "a b", "a\u{0}b", "é", String(repeating: "a", count: 65)])
    func whatIsNoNameIsRefused(_ name: String) {
        #expect(reason { try keys.make(name) }.hasPrefix("expected a name"))
        #expect(reason { _ = try keys.publicKey(name) }.hasPrefix("expected a key's name"))
    }

    @Test func whatIsNotThereOrNoKeyIsNamed() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(reason { _ = try keys.publicKey("a") } == "there is no such file")
        #expect(reason { _ = try keys.keyPair("\(path)/a/path/that/is/longer/than/any/key") } == "there is no such file")
        try keys.make("a")
        #expect(reason { _ = try keys.publicKey("\(path)/a") }.contains("plain file"))
        let noise: [UInt8] = [0xff, 0, 1, 2, 10]
        for bytes in [[], noise, Array("lorgnette-public-key".utf8), Array("lorgnette-public-key short\n".utf8)] {
            try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/noise"))
            #expect(reason { _ = try keys.publicKey("\(path)/noise") }.hasPrefix("expected lorgnette-public-key"))
        }
    }

    @Test func textsThatAreNoKeysAreNone() {
        let good = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
        #expect(PublicKey(good)?.description == good)
        for bad in [
            String(good.dropLast()), good + "x", good.replacing("r", with: "\""), good.replacing("r", with: " "),
            good.replacing("r", with: "é"),
        ] {
            #expect(PublicKey(bad) == nil, "\(bad)")
        }
        #expect(PublicKey(String(repeating: "#", count: 40)) == nil, "over 32 bits in five characters")
        #expect(PublicKey(bytes: [1, 2, 3]) == nil)
    }
}
