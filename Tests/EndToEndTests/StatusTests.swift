import Foundation
import Testing

/// What can be known of a run from outside, while it goes on and afterwards.
@Suite struct StatusTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private func log() throws -> [[String: Any]] {
        try Data(contentsOf: URL(fileURLWithPath: "\(bench.out)/logs/run.jsonl")).split(separator: 10).map {
            try #require(try JSONSerialization.jsonObject(with: $0) as? [String: Any])
        }
    }

    @Test func aRunThatIsDoneSaysSoAndWhatBefellIt() throws {
        for index in 0..<6 { try bench.picture("\(index).pgm", seed: index) }
        let pipeline = try bench.pipeline(
            "pipeline: t\nstages:\n  one: {expert: rehearsal, crash_once: 3.pgm, fail_on: 4.pgm, credit: 1}\nanswer: one\n")
        #expect(try bench.lorgnette(pipeline, ["--metrics", "0"]).status == 1)
        let status = try bench.run(["status", bench.out])
        #expect(status.status == 0, "\(status.errors)")
        #expect(status.output.contains(": done\n"), "\(status.output)")
        #expect(status.output.contains("6 inputs: 5 ok, 0 partial, 1 failed, 0 skipped"), "\(status.output)")
        let events = try log()
        let lost = try #require(events.first { $0["event"] as? String == "worker_lost" })
        #expect(lost["worker"] as? String == "one.0" && lost["stage"] as? String == "one")
        #expect((lost["message"] as? String)?.contains("signal 6") == true, "\(lost)")
        #expect(events.filter { $0["event"] as? String == "worker_ready" }.count == 2)
        let failed = try #require(events.first { $0["event"] as? String == "task_failed" })
        #expect(failed["item"] as? String == "4.pgm" && failed["attempt"] as? Int == 1 && failed["worker"] as? String == "one.0")
    }

    @Test func aRunIsSeenWhileItGoesOnAndIsMissedWhenItIsKilled() throws {
        try bench.picture("a.pgm", seed: 1)
        let pipeline = try bench.pipeline(
            "pipeline: t\nstages:\n  one: {expert: rehearsal, hang_on: a.pgm}\nanswer: one\n")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(Workbench.programs)/lorgnette")
        process.arguments = ["run", pipeline, bench.inputs, "--out", bench.out]
        (process.standardError, process.standardInput) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try process.run()
        defer { kill(process.processIdentifier, SIGKILL) }
        var seen = ""
        while process.isRunning, !seen.contains("a.pgm (attempt 1") {
            usleep(20_000)
            seen = try bench.run(["status", bench.out]).output
        }
        for part in [": running\n", "1 open", "one.0", "ready"] { #expect(seen.contains(part), "\(seen)") }
        let json = try bench.run(["status", bench.out, "--json"])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(json.status == 0 && object["pid"] as? Int == Int(process.processIdentifier))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let killed = try bench.run(["status", bench.out])
        #expect(killed.status == 1 && killed.output.contains("killed"), "\(killed.output)\(killed.errors)")
    }

    @Test func whereNoRunIsThatIsSaid() throws {
        let none = try bench.run(["status", bench.path])
        #expect(none.status != 0 && none.errors.contains("status.json"), "\(none.errors)")
        try bench.write("status.json", "{}".utf8)
        #expect(try bench.run(["status", bench.path]).errors.contains("expected a run's status"))
    }
}
