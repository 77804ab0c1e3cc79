import Foundation
import Testing

/// Runs in which stages have conditions, with the expert that says what it is told.
@Suite struct ConditionRunTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    /// `text` finds words in every picture but for those that are called blank; `extra` and `other` depend on that.
    private func pipeline(_ when: String = "text.words > 1", say: String = "more") throws -> String {
        try bench.pipeline(
            """
            pipeline: t
            stages:
              text:  {expert: rehearsal, fail_on: broken, optional: true}
              extra: {expert: rehearsal, say: extra words, context: [text], when: \(when)}
              other: {expert: rehearsal, say: other words}
              last:  {expert: rehearsal, context: [extra, other], say: \(say)}
              echo:  {expert: rehearsal, context: [extra, other]}
            answer: last
            """)
    }

    private func pictures(_ names: String...) throws {
        for (index, name) in names.enumerated() { try bench.picture("\(name).pgm", seed: index) }
    }

    private func cached(_ result: [String: Any]?, _ stage: String) -> Bool? {
        result?.stage(stage).map { $0["cached"] as? Bool ?? false }
    }

    @Test func aStageIsRunOnlyWhereItsConditionHolds() throws {
        try pictures("one", "two words")
        let ended = try bench.lorgnette(try pipeline())
        #expect(ended.status == 0, "\(ended.errors)")
        let results = try bench.results()
        #expect(results["two words.pgm"]?.stage("extra")?["text"] as? String == "extra words")
        #expect(results["two words.pgm"]?.stage("echo")?["text"] as? String == "two words.pgm | extra words\nother words")
        let one = try #require(results["one.pgm"])
        #expect(one.status == "ok")
        #expect(one.stage("extra")?["status"] as? String == "skipped")
        #expect(one.stage("extra")?["reason"] as? String == "when: text.words > 1")
        #expect(one.stage("extra")?["error"] == nil && one.stage("extra")?["text"] == nil)
        #expect(one.stage("extra")?["attempts"] as? Int == 0)
        #expect(one.stage("echo")?["text"] as? String == "one.pgm | other words")
        #expect(one.answerText == "more")
        #expect(try bench.lorgnette(try pipeline()).errors.contains("2 of them done before"))
    }

    @Test func aTestOfAFailedStageIsFalse() throws {
        try pictures("broken", "fine")
        let ended = try bench.lorgnette(try pipeline("text.words > 0"))
        #expect(ended.status == 1, "\(ended.errors)")
        var results = try bench.results()
        #expect(results["broken.pgm"]?.status == "partial")
        #expect(results["broken.pgm"]?.stage("extra")?["reason"] as? String == "when: text.words > 0")
        #expect(results["fine.pgm"]?.stage("extra")?["text"] as? String == "extra words")
        _ = try bench.lorgnette(try pipeline("text.status == failed"))
        results = try bench.results()
        #expect(results["broken.pgm"]?.stage("extra")?["text"] as? String == "extra words")
        #expect(results["fine.pgm"]?.stage("extra")?["reason"] as? String == "when: text.status == failed")
    }

    @Test func anotherConditionComputesWhatItChangesAndNothingElse() throws {
        try pictures("one", "two words", "three more words")
        #expect(try bench.lorgnette(try pipeline("text.words > 1")).status == 0)
        // Only for one picture another decision: its extra words are new, and so is what was made from them.
        let ended = try bench.lorgnette(try pipeline("text.words != 2"))
        #expect(ended.status == 0, "\(ended.errors)")
        var results = try bench.results()
        for name in ["text", "other"] {
            for result in results.values { #expect(cached(result, name) == true, "\(name)") }
        }
        #expect(cached(results["three more words.pgm"], "extra") == true)
        #expect(cached(results["three more words.pgm"], "last") == true)
        #expect(cached(results["one.pgm"], "extra") == false)
        #expect(cached(results["one.pgm"], "echo") == false)
        #expect(results["one.pgm"]?.stage("echo")?["text"] as? String == "one.pgm | extra words\nother words")
        #expect(results["two words.pgm"]?.stage("extra")?["status"] as? String == "skipped")
        #expect(cached(results["two words.pgm"], "echo") == false)
        #expect(results["two words.pgm"]?.stage("echo")?["text"] as? String == "two words.pgm | other words")
        // Back again: both ways are in the ledger.
        #expect(try bench.lorgnette(try pipeline("text.words > 1")).status == 0)
        results = try bench.results()
        for result in results.values {
            for name in ["text", "other", "last", "echo"] { #expect(cached(result, name) == true, "\(name)") }
        }
        #expect(results["one.pgm"]?.stage("echo")?["text"] as? String == "one.pgm | other words")
        #expect(results["one.pgm"]?.stage("extra")?["reason"] as? String == "when: text.words > 1")
        #expect(results["two words.pgm"]?.stage("echo")?["text"] as? String == "two words.pgm | extra words\nother words")
        // Another spelling is no other condition.
        #expect(try bench.lorgnette(try pipeline("( text.words>1.0 )")).errors.contains("3 of them done before"))
    }

    @Test func featuresAreNotComputedForAStageThatIsNotRun() throws {
        try pictures("one")
        let file = try bench.pipeline(
            """
            pipeline: t
            stages:
              text:    {expert: rehearsal}
              visual:  {expert: rehearsal, tensor: true}
              caption: {expert: rehearsal, visual: visual, when: text.words > 1}
              last:    {expert: rehearsal, context: [text, caption]}
            answer: last
            """)
        #expect(try bench.lorgnette(file).status == 0)
        let ended = try bench.lorgnette(file, ["--set", "last.say=again"])
        #expect(ended.status == 0, "\(ended.errors)")
        let result = try bench.results()["one.pgm"]
        #expect(result?.answerText == "again")
        #expect(cached(result, "visual") == true)
        #expect(result?.stage("caption")?["status"] as? String == "skipped")
    }

    @Test func checkTellsFaultsAndWarnings() throws {
        let faulty = try bench.run(["check", try pipeline("txt.words > 1 and text.wrods > 1")])
        #expect(faulty.status == 2)
        #expect(
            faulty.errors.contains("pipeline.yaml:4:94: stages.extra.when: expected a field, found \"wrods\""), "\(faulty.errors)"
        )
        let unknown = try bench.run(["check", try pipeline("txt.words > 1")])
        #expect(
            unknown.errors.contains("expected the name of a stage, found \"txt\"; did you mean \"text\"?"), "\(unknown.errors)")
        let answer = try bench.pipeline(
            "pipeline: t\nstages:\n  a: {expert: rehearsal}\n  b: {expert: rehearsal, when: a.words > 9}\nanswer: b\n")
        let warned = try bench.run(["check", answer])
        #expect(warned.status == 0)
        #expect(warned.errors.contains("pipeline.yaml:5:9: answer: where b is not run, there is no answer"), "\(warned.errors)")
        try pictures("a")
        let ended = try bench.run(["ask", "\(bench.inputs)/a.pgm", "what?", "--pipeline", answer])
        #expect(ended.status == 0)
        #expect(ended.errors.contains("no answer; when: a.words > 9"), "\(ended.errors)")
    }

    @Test func onlyTheNamedExpertsReachTheAnswer() throws {
        try pictures("one")
        let file = try bench.pipeline(
            """
            pipeline: t
            ask: what?
            stages:
              a: {expert: rehearsal, question: first}
              b: {expert: rehearsal, say: second, context: [a]}
              c: {expert: rehearsal, say: third}
              last: {expert: rehearsal, context: [a, b, c]}
            answer: last
            """)
        func answer(_ arguments: String...) throws -> String {
            let ended = try bench.run(["ask", "\(bench.inputs)/one.pgm", "what?", "--pipeline", file] + arguments)
            #expect(ended.status == 0, "\(ended.errors)")
            return ended.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        #expect(try answer("--json", "--only", "b").contains("one.pgm | what? | second\""))
        #expect(try answer("--json", "--only", "c", "--only", "a").contains("one.pgm | what? | one.pgm | first\\nthird\""))
        #expect(try answer("--json", "--without", "c", "--only", "b").contains("one.pgm | what? | second\""))
        let run = try bench.lorgnette(file, ["--only", "b"])
        #expect(run.status == 0, "\(run.errors)")
        let result = try bench.results()["one.pgm"]
        #expect(result?.answerText == "one.pgm | what? | second")
        #expect((result?["stages"] as? [String: Any])?.keys.sorted() == ["a", "b", "last"])
        let faulty = try bench.run(["ask", "\(bench.inputs)/one.pgm", "what?", "--pipeline", file, "--only", "d"])
        #expect(faulty.status == 2)
        #expect(faulty.errors.contains("--only: expected a stage that feeds last, found \"d\""), "\(faulty.errors)")
        #expect(try bench.lorgnette(file, ["--without", "d"]).errors.contains("stages: a, b, c"))
    }
}
