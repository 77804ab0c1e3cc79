import Crypto
import ExpertKit
import Foundation
import Testing
import Wire

@testable import lorgnette_command

/// Real programs, run by the expert without a socket.
@Suite struct CommandExpertTests {
    private static let shell = "/bin/sh"

    private func run(
        _ words: [String], _ options: [String: WireValue] = [:], question: String = "", picture: PictureSource? = nil
    ) throws -> ExpertAnswer {
        let all = options.merging(["run": .list(words.map(WireValue.string))]) { first, _ in first }
        return try Rehearsal(CommandExpert.self, options: all)
            .answer(item: "sub/cat.JPG", question: question, picture: picture ?? Self.bytes("P5 1 1 255\n!"))
    }

    /// A script's words: `sh` runs it, `{picture}` is its `$1` and `{question}` its `$2`.
    private func script(_ text: String, _ options: [String: WireValue] = [:], question: String = "") throws
        -> ExpertAnswer
    {
        try run([Self.shell, "-c", text, "script", "{picture}", "{question}"], options, question: question)
    }

    private static func bytes(_ text: String) -> PictureSource {
        let bytes = Array(text.utf8)
        return PictureSource(
            place: .bytes(Payload(bytes)), sha256: Array(SHA256.hash(data: bytes)), byteCount: bytes.count)
    }

    private func failure(_ body: () throws -> ExpertAnswer) -> ExpertFailure? {
        do { _ = try body() } catch { return error as? ExpertFailure }
        return nil
    }

    @Test func whatAProgramPrintsIsTheAnswer() throws {
        #expect(try run(["cat", "{picture}"]).text == "P5 1 1 255\n!")
        #expect(try script("echo; echo '  a  '; echo; echo b; echo").text == "  a\n\nb")
        #expect(try script("true").text == "")
        #expect(try script("echo; printf 'a\\r\\n\\033b\\n'").lines.isEmpty)
    }

    @Test func linesBecomeLines() throws {
        let answer = try script("printf 'one\\n\\ntwo\\n'", ["lines": .bool(true)])
        #expect(answer.lines.map(\.text) == ["one", "two"])
        #expect(answer.text == "one\n\ntwo")
    }

    @Test func aPathIsGivenAsItIs() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lorgnette-command-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "a b;$(touch hacked).pgm").path
        let bytes = Array("P5 1 1 255\n!".utf8)
        try Data(bytes).write(to: URL(filePath: path))
        let picture = PictureSource(place: .path(path), sha256: Array(SHA256.hash(data: bytes)), byteCount: bytes.count)
        #expect(try run(["echo", "<{picture}>"], picture: picture).text == "<\(path)>")
        // Another file than the coordinator hashed, before the program runs and while it does.
        let other = PictureSource(place: .path(path), sha256: [UInt8](repeating: 1, count: 32), byteCount: bytes.count)
        #expect(failure { try run(["echo", "{picture}"], picture: other) }?.code == .changed)
        let late = failure {
            try run([Self.shell, "-c", "echo more >> \"$1\"", "script", "{picture}"], picture: picture)
        }
        #expect(late?.code == .changed)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
    }

    @Test func sentBytesLieInAPrivateFileThatGoesAway() throws {
        let answer = try script("echo \"$1\"; stat -c %a \"$1\" \"$(dirname \"$1\")\"")
        let words = try #require(answer.text).split(separator: "\n").map(String.init)
        #expect(words.count == 3)
        #expect(words[0].hasSuffix("/picture.jpg"))
        #expect(words[1...] == ["600", "700"])
        #expect(!FileManager.default.fileExists(atPath: (words[0] as NSString).deletingLastPathComponent))
    }

    @Test func aQuestionStaysInItsArgument() throws {
        let question = "what; rm -rf $HOME `id` \"{picture}\" '\n|"
        let answer = try run(["printf", "%s", "q={question}"], question: question)
        #expect(answer.text == "q=" + question)
        #expect(failure { try run(["echo", "{question}"], question: "a\u{0}b") }?.code == .badInput)
    }

    @Test func aFailureSaysTheEndOfWhatWentWrong() throws {
        let failed = failure { try script("echo lost; echo out of ink >&2; exit 3") }
        #expect(failed?.code == .internal)
        #expect(failed?.message == "sh: expected exit status 0, found exit status 3: out of ink")
        let killed = failure { try script("kill -SEGV $$") }
        #expect(killed?.message == "sh: expected exit status 0, found its end by signal 11")
        let long = failure { try script("head -c 100000 /dev/zero | tr '\\0' x >&2; printf ' end' >&2; exit 1") }
        #expect(long?.message.hasSuffix("x end") == true)
        #expect((long?.message.count ?? 0) < 500)
    }

    @Test func tooMuchOutputIsAFailure() throws {
        let limits: [String: WireValue] = ["max_bytes": .number(1000)]
        #expect(try script("head -c 1000 /dev/zero | tr '\\0' x", limits).text?.count == 1000)
        let failed = failure { try script("yes", limits) }
        #expect(failed?.message == "sh: expected at most 1000 bytes of output, found more")
        #expect(
            try script("head -c 1000000 /dev/zero | tr '\\0' x", ["max_bytes": .number(1_000_000)]).text?.count
                == 1_000_000)
    }

    @Test func bytesThatAreNoTextAreRepairedAndSaid() throws {
        let answer = try script("printf 'caf\\351\\033[0m\\n'")
        #expect(answer.text == "caf\u{FFFD}[0m")
        #expect(answer.facts["output"] == "bytes that are not UTF-8 were replaced")
        #expect(try script("printf 'caf\\303\\251'").facts.isEmpty)
    }

    @Test func theEnvironmentIsSmall() throws {
        setenv("LORGNETTE_TEST_SECRET", "s3cret", 1)
        setenv("LORGNETTE_TEST_WANTED", "yes", 1)
        let answer = try script("env", ["environment": .list([.string("LORGNETTE_TEST_WANTED")])])
        let names = Set(try #require(answer.text).split(separator: "\n").map { $0.split(separator: "=")[0] })
        #expect(
            names.isSubset(of: [
                "PATH", "HOME", "TMPDIR", "LC_ALL", "LORGNETTE_TEST_WANTED", "PWD", "OLDPWD", "SHLVL", "_",
            ]), "\(names)")
        #expect(names.contains("LORGNETTE_TEST_WANTED"))
        #expect(try script("cat; echo end").text == "end", "standard input is empty")
    }

    @Test func memoryIsLimited() throws {
        let limits: [String: WireValue] = ["megabytes": .number(64)]
        let greedy = ["python3", "-c", "print(len(bytearray(1 << 28)))", "{picture}"]
        #expect(try run(greedy).text == "\(1 << 28)")
        #expect(failure { try run(greedy, limits) }?.message.contains("MemoryError") == true)
        #expect(try run(["cat", "{picture}"], limits).text == "P5 1 1 255\n!")
    }

    @Test func theModelsAreTheProgramAndItsFiles() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lorgnette-command-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let script = folder.appending(path: "look.sh").path
        func models() throws -> [ExpertModel] {
            try Rehearsal(
                CommandExpert.self, options: ["run": .list([.string("sh"), .string(script), .string("{picture}")])]
            ).expert.models
        }
        try "echo one".write(toFile: script, atomically: true, encoding: .utf8)
        let before = try models()
        #expect(before.map(\.role) == ["program", "file"])
        #expect(before.map(\.name) == ["sh", "look.sh"])
        try "echo two".write(toFile: script, atomically: true, encoding: .utf8)
        let after = try models()
        #expect(after[0] == before[0])
        #expect(after[1].fingerprint != before[1].fingerprint)
    }

    @Test(
        arguments: [
            ([], ExpertFailure.Code.badOption), (["cat"], .badOption), (["{picture}"], .badOption), ([""], .badOption),
            (["no-such-program-anywhere", "{picture}"], .missingModel),
            (["/no/such/program", "{picture}"], .missingModel),
            (["/", "{picture}"], .missingModel),
        ] as [([String], ExpertFailure.Code)])
    func aRunThatCannotBeIsNamed(words: [String], code: ExpertFailure.Code) throws {
        let failed = failure { try run(words) }
        #expect(failed?.code == code)
        #expect(failed?.message.contains("run") == true)
    }
}
