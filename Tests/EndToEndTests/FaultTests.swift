import Foundation
import Testing

/// Runs of the real programs, with the expert that misbehaves as it is told.
@Suite struct FaultTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private func pictures(_ count: Int) throws {
        for index in 0..<count { try bench.picture("\(index % 3)/\(index).pgm", seed: index) }
    }

    private func one(_ options: String, stage: String = "") throws -> String {
        try bench.pipeline("pipeline: t\nstages:\n  one: {expert: rehearsal, \(options)\(stage)}\nanswer: one\n")
    }

    @Test func everyInputHasOneLineAndASecondRunDoesNothing() throws {
        try pictures(30)
        try bench.write("in/notes.txt", "hello".utf8)
        try bench.write("in/broken.png", "hello".utf8)
        try bench.write("in/empty.jpg", [])
        let pipeline = try one("read: true")
        let first = try bench.lorgnette(pipeline)
        #expect(first.status == 1, "\(first.errors)")
        #expect(first.errors.contains("33 inputs: 30 ok, 0 partial, 2 failed, 1 skipped"))
        #expect(first.errors.contains("failed: broken.png: "))
        let results = try bench.results()
        #expect(results.count == 33)
        #expect(results["0/0.pgm"]?.answerText == "0/0.pgm")
        #expect(results["notes.txt"]?.status == "skipped")
        #expect(results["broken.png"]?.errorCode == "not_a_picture")
        #expect(results["empty.jpg"]?.errorCode == "empty")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(bench.out)/results.jsonl"))
        let second = try bench.lorgnette(pipeline)
        #expect(second.errors.contains("33 of them done before"))
        #expect(second.status == 1)
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(bench.out)/results.jsonl")) == bytes)
    }

    @Test func aKilledCoordinatorLosesNothingAndDoublesNothing() throws {
        try pictures(400)
        let pipeline = try one("delay_ms: 2, credit: 4")
        // Killed wherever it happens to be; what must hold does not depend on where.
        for seconds in ["0.3", "0.6", "0.9"] {
            let words = [
                "-s", "KILL", seconds, "\(Workbench.programs)/lorgnette", "run", pipeline, bench.inputs, "--out", bench.out,
            ]
            _ = try bench.run(words, program: "/usr/bin/timeout")
        }
        let last = try bench.lorgnette(pipeline)
        #expect(last.status == 0, "\(last.errors)")
        #expect(try bench.results().count == 400)
        #expect(last.errors.contains("400 inputs: 400 ok"))
    }

    @Test func anInputThatKillsItsWorkerFailsAlone() throws {
        try pictures(12)
        let ended = try bench.lorgnette(try one("crash_on: 7.pgm, credit: 3"))
        #expect(ended.status == 1, "\(ended.errors)")
        let results = try bench.results()
        #expect(results.count == 12)
        #expect(results.values.filter { $0.status == "ok" }.count == 11)
        #expect(results["1/7.pgm"]?.errorCode == "worker_lost")
        #expect(results["1/7.pgm"]?.stage("one")?["attempts"] as? Int == 3)
    }

    @Test func aWorkerThatDiesOnceCostsNothing() throws {
        try pictures(6)
        let ended = try bench.lorgnette(try one("crash_once: pgm, credit: 1, ", stage: "workers: 2"))
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(try bench.results().count == 6)
    }

    @Test(arguments: ["hang_on", "freeze_on"]) func aHungWorkerIsReplacedAtItsDeadline(option: String) throws {
        try pictures(4)
        let ended = try bench.lorgnette(try one("\(option): 3.pgm, credit: 2, ", stage: "deadline: 300ms"))
        #expect(ended.status == 1, "\(ended.errors)")
        let results = try bench.results()
        #expect(results["0/3.pgm"]?.errorCode == "deadline")
        let message = (results["0/3.pgm"]?["error"] as? [String: Any])?["message"] as? String ?? ""
        if option == "hang_on" { #expect(message.contains("about to hang over 0/3.pgm"), "\(message)") }
        #expect(results.values.filter { $0.status == "ok" }.count == 3)
    }

    @Test func noiseFromANeighbourIsNotBelieved() throws {
        try pictures(5)
        let ended = try bench.lorgnette(try one("garbage_on: 2.pgm, credit: 1"))
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(try bench.results()["2/2.pgm"]?.answerText == "2/2.pgm")
    }

    @Test func anOptionalStageThatFailsLeavesTheItemPartial() throws {
        try pictures(3)
        let pipeline = try bench.pipeline(
            """
            pipeline: t
            stages:
              extra: {expert: rehearsal, fail_on: 1.pgm, optional: true}
              last: {expert: rehearsal, context: [extra]}
            answer: last
            """)
        let ended = try bench.lorgnette(pipeline)
        #expect(ended.status == 1, "\(ended.errors)")
        let results = try bench.results()
        #expect(results["1/1.pgm"]?.status == "partial")
        #expect(results["1/1.pgm"]?.answerText == "1/1.pgm")
        #expect(results["0/0.pgm"]?.answerText == "0/0.pgm | 0/0.pgm")
        // The failure is taken up again on demand; what was done is not.
        let again = try bench.lorgnette(pipeline, ["--retry-failed", "--set", "extra.fail_on=nothing"])
        #expect(again.status == 0, "\(again.errors)")
        #expect(try bench.results().values.allSatisfy { $0.status == "ok" })
    }

    @Test func onlyWhatChangedIsComputedAgain() throws {
        try pictures(3)
        let pipeline = try bench.pipeline(
            """
            pipeline: t
            stages:
              first: {expert: rehearsal, say: one}
              last: {expert: rehearsal, context: [first], say: two}
            answer: last
            """)
        _ = try bench.lorgnette(pipeline)
        let ended = try bench.lorgnette(pipeline, ["--set", "last.say=three"])
        #expect(ended.status == 0, "\(ended.errors)")
        for result in try bench.results().values {
            #expect(result.answerText == "three")
            #expect(result.stage("first")?["cached"] as? Bool == true)
            #expect(result.stage("last")?["cached"] as? Bool != true)
        }
        try bench.picture("0/0.pgm", seed: 99)
        #expect(try bench.lorgnette(pipeline, ["--set", "last.say=three"]).status == 0)
        let results = try bench.results()
        #expect(results.count == 3)
        #expect(results["0/0.pgm"]?.stage("first")?["cached"] as? Bool != true)
    }

    @Test func eachPictureIsAskedItsOwnQuestion() throws {
        try pictures(3)
        let pipeline = try bench.pipeline(
            """
            pipeline: t
            ask: all?
            stages:
              own: {expert: rehearsal, question: mine?}
              last: {expert: rehearsal, context: [own]}
            answer: last
            """)
        let questions = try bench.write(
            "questions.jsonl", "{\"item\":\"0/0.pgm\",\"question\":\"one?\"}\n{\"item\":\"1.pgm\",\"question\":\"two?\"}\n".utf8)
        let first = try bench.lorgnette(pipeline, ["--questions", questions])
        #expect(first.status == 0, "\(first.errors)")
        var results = try bench.results()
        #expect(results["0/0.pgm"]?.answerText == "0/0.pgm | one? | 0/0.pgm | mine?")
        #expect(results["1/1.pgm"]?.answerText == "1/1.pgm | two? | 1/1.pgm | mine?")
        #expect(results["2/2.pgm"]?.answerText == "2/2.pgm | all? | 2/2.pgm | mine?")
        #expect(try bench.lorgnette(pipeline, ["--questions", questions]).errors.contains("3 of them done before"))

        // Another question is another answer, but what the stage with its own question said is kept.
        try bench.write("questions.jsonl", "{\"item\":\"0/0.pgm\",\"question\":\"new?\"}\n".utf8)
        let second = try bench.lorgnette(pipeline, ["--questions", questions])
        #expect(second.errors.contains("1 of them done before"), "\(second.errors)")
        results = try bench.results()
        #expect(results["0/0.pgm"]?.answerText == "0/0.pgm | new? | 0/0.pgm | mine?")
        #expect(results["1/1.pgm"]?.answerText == "1/1.pgm | all? | 1/1.pgm | mine?")
        #expect(results["0/0.pgm"]?.stage("own")?["cached"] as? Bool == true)

        try bench.write("questions.jsonl", "{\"item\":\"a\"}\n[]\n".utf8)
        let faulty = try bench.lorgnette(pipeline, ["--questions", questions])
        #expect(faulty.status == 2)
        #expect(faulty.errors.contains("questions.jsonl:1: question: "), "\(faulty.errors)")
        #expect(faulty.errors.contains("questions.jsonl:2: "), "\(faulty.errors)")
    }

    @Test func configurationFaultsStopBeforeAnyWork() throws {
        try pictures(1)
        let unknown = try bench.lorgnette(try one("sya: hello"))
        #expect(unknown.status == 2)
        #expect(unknown.errors.contains("pipeline.yaml:3:28: stages.one.sya: unknown key"), "\(unknown.errors)")
        #expect(unknown.errors.contains("say"))
        let missing = try bench.lorgnette(try one("fail_load: missing_model"))
        #expect(missing.status == 3, "\(missing.errors)")
        let absent = try bench.lorgnette(try bench.pipeline("pipeline: t\nstages:\n  one: {expert: nobody}\n"))
        #expect(absent.status == 3)
        #expect(absent.errors.contains("lorgnette-nobody"))
        let nowhere = try bench.run(["run", "pipelines/caption.yaml", "\(bench.path)/missing", "--out", bench.out])
        #expect(nowhere.status == 2)
        #expect(try bench.run(["run"]).status == 2)
    }

    @Test func aWorkerThatNeverGetsReadyEndsTheRun() throws {
        try pictures(1)
        let pipeline = try bench.pipeline("pipeline: t\nstages:\n  one: {command: [/bin/false]}\n")
        let ended = try bench.lorgnette(pipeline)
        #expect(ended.status == 3)
        #expect(ended.errors.contains("stage one: its worker ended 5 times before it was ready"), "\(ended.errors)")
    }

    @Test func twoCoordinatorsDoNotShareAFolder() throws {
        try pictures(1)
        try FileManager.default.createDirectory(atPath: bench.out, withIntermediateDirectories: true)
        let lock = open("\(bench.out)/.lock", O_RDWR | O_CREAT, 0o644)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
        let ended = try bench.lorgnette(try one("say: x"))
        #expect(ended.status == 2)
        #expect(ended.errors.contains("another run"), "\(ended.errors)")
    }

    @Test func askAnswersAndSaysWhatItIsBuiltFrom() throws {
        try bench.picture("a.pgm", seed: 1)
        var pipeline = ""
        for streams in [true, false] {
            pipeline = try one("progress: \(streams)")
            let plain = try bench.run(["ask", "\(bench.inputs)/a.pgm", "what?", "--pipeline", pipeline])
            #expect(plain.status == 0, "\(plain.errors)")
            #expect(plain.output.contains("a.pgm | what?"))
        }
        let json = try bench.run(["ask", "\(bench.inputs)/a.pgm", "what?", "--pipeline", pipeline, "--json"])
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(object?.answerText == "a.pgm | what?")
        #expect(try bench.run(["ask", "\(bench.inputs)/none.pgm", "what?", "--pipeline", pipeline]).status == 2)
    }

    @Test func checkTellsEveryFaultAtOnce() throws {
        let pipeline = try bench.pipeline(
            """
            pipeline: t
            stages:
              one: {expert: rehearsal, context: [two], workers: 0}
              two: {expert: rehearsal, context: [one], delay_ms: soon}
            """)
        let ended = try bench.run(["check", pipeline])
        #expect(ended.status == 2)
        #expect(ended.errors.contains("stages.one.workers"), "\(ended.errors)")
        #expect(try bench.run(["check", try one("say: x")]).status == 0)
    }
}
