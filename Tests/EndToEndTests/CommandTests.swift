import Foundation
import Testing

/// The command expert in a run of the real programs.
@Suite struct CommandTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private func pipeline(_ stage: String) throws -> String {
        try bench.pipeline(
            """
            pipeline: t
            ask: How large?
            stages:
              words: {\(stage)}
              last: {expert: rehearsal, question: "", context: [words]}
            answer: last
            """)
    }

    @Test func oneLineOfAPipelineIsAnExpert() throws {
        try bench.picture("a.pgm", seed: 1)
        let ended = try bench.lorgnette(
            try pipeline("expert: command, run: [head, -n, \"2\", \"{picture}\"], lines: true"))
        #expect(ended.status == 0, "\(ended.errors)")
        let result = try #require(try bench.results()["a.pgm"])
        #expect(result.answerText == "a.pgm | P5\n4 4")
        let lines = result.stage("words")?["lines"] as? [[String: Any]]
        #expect(lines?.compactMap { $0["text"] as? String } == ["P5", "4 4"])
        #expect((result.stage("words")?["model"] as? String)?.hasPrefix("sha256:") == true)
    }

    @Test func anotherQuestionOrProgramRunsAgain() throws {
        try bench.picture("a.pgm", seed: 1)
        let script = try bench.write("look.py", "import sys; print('one', sys.argv[1])".utf8)
        let stage = "expert: command, run: [python3, \(script), \"{question}\"]"
        #expect(try bench.lorgnette(pipeline(stage)).status == 0)
        #expect(try bench.results()["a.pgm"]?.answerText == "a.pgm | one How large?")
        #expect(try bench.lorgnette(pipeline(stage), ["--ask", "How old?"]).status == 0)
        #expect(try bench.results()["a.pgm"]?.answerText == "a.pgm | one How old?")
        try bench.write("look.py", "import sys; print('two', sys.argv[1])".utf8)
        #expect(try bench.lorgnette(pipeline(stage)).status == 0)
        #expect(try bench.results()["a.pgm"]?.answerText == "a.pgm | two How large?")
    }

    @Test func aProgramThatFailsFailsItsPictureAlone() throws {
        try bench.picture("good.pgm", seed: 1)
        try bench.picture("bad.pgm", seed: 2)
        let script = try bench.write(
            "look.py", "import sys\nif 'bad' in sys.argv[1]: sys.exit('no ink for ' + sys.argv[1])\nprint('fine')".utf8)
        let ended = try bench.lorgnette(pipeline("expert: command, run: [python3, \(script), \"{picture}\"]"))
        #expect(ended.status == 1, "\(ended.errors)")
        let results = try bench.results()
        #expect(results["good.pgm"]?.answerText == "good.pgm | fine")
        #expect(results["bad.pgm"]?.errorCode == "internal")
        let error = results["bad.pgm"]?["error"] as? [String: Any]
        #expect((error?["message"] as? String)?.contains("no ink for") == true, "\(error ?? [:])")
    }

    @Test func aProgramThatHangsIsEndedBeforeItsWorkerIs() throws {
        try bench.picture("a.pgm", seed: 1)
        let ended = try bench.lorgnette(
            pipeline("expert: command, run: [sh, -c, sleep 100000, sh, \"{picture}\"], deadline: 3s"))
        #expect(ended.status == 1, "\(ended.errors)")
        let result = try #require(try bench.results()["a.pgm"])
        #expect(result.errorCode == "internal")
        #expect(result.stage("words")?["attempts"] as? Int == 1)
    }

    @Test func aProgramThatIsNotThereIsNamedBeforeAnyWork() throws {
        try bench.picture("a.pgm", seed: 1)
        let ended = try bench.lorgnette(pipeline("expert: command, run: [no-such-program-anywhere, \"{picture}\"]"))
        #expect(ended.status == 3, "\(ended.errors)")
        #expect(ended.errors.contains("no-such-program-anywhere"), "\(ended.errors)")
    }
}
