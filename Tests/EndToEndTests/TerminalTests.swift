import Foundation
import Testing

/// What stands in a picture, or in a worker's complaint, is not the terminal's to obey.
@Suite struct TerminalTests {
    let bench: Workbench
    /// Clears the screen, sets the title, rings, and turns the rest of the line around.
    private static let spell = "a\u{1b}[2J\u{1b}]0;owned\u{07}b\u{202E}c\u{9b}31m"

    init() throws { bench = try Workbench() }

    private func pipeline(_ options: String) throws -> String {
        try bench.pipeline(
            """
            pipeline: terminal
            ask: What is it?
            stages:
              one: {expert: rehearsal, say: "a\\e[2J\\e]0;owned\\ab\\u202ec\\x9b31m"\(options)}
            answer: one
            """)
    }

    private func isHarmless(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            scalar == "\n" || scalar == "\r" || scalar == "\t"
                || ![.control, .format].contains(scalar.properties.generalCategory)
        }
    }

    @Test(arguments: [false, true]) func wordsOfAPictureDoNotReachTheTerminalAsTheyAre(streams: Bool) throws {
        try bench.picture("x.pgm", seed: 1)
        let ended = try bench.run(
            ["ask", "\(bench.inputs)/x.pgm", "What?", "--pipeline", try pipeline(streams ? ", progress: true" : "")])
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.output.contains("owned") && isHarmless(ended.output), "\(ended.output.debugDescription)")
        #expect(isHarmless(ended.errors), "\(ended.errors.debugDescription)")
    }

    @Test func aTableIsHarmlessAndTheResultHasTheWordsEscaped() throws {
        try bench.picture("x.pgm", seed: 1)
        let ended = try bench.run(["run", try pipeline(""), bench.inputs, "--out", bench.out, "--table"])
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.output.contains("owned") && isHarmless(ended.output), "\(ended.output.debugDescription)")
        let line = try String(contentsOfFile: "\(bench.out)/results.jsonl", encoding: .utf8)
        #expect(line.contains("\\u001b[2J") && !line.contains("\u{1b}"), "\(line)")
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect((object?["answer"] as? [String: Any])?["text"] as? String == Self.spell)
    }

    /// The worker repeats the item's name in its failure, and that comes to the terminal and into the log.
    @Test func aFailureIsHarmless() throws {
        try bench.picture("bad\u{1b}[31m\u{07}.pgm", seed: 1)
        let ended = try bench.run(
            ["run", try pipeline(", fail_on: bad"), bench.inputs, "--out", bench.out])
        #expect(ended.status == 1, "\(ended.errors)")
        #expect(ended.errors.contains("fail_on says so"), "\(ended.errors)")
        #expect(isHarmless(ended.errors) && isHarmless(ended.output), "\(ended.errors.debugDescription)")
    }
}
