import ArgumentParser
import Coordination
import Foundation

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows how a run goes: inputs, stages, workers and what they hold.",
        discussion: "Exit status: 0 for a run that goes on or is done; 1 for one that was interrupted, failed or was killed.")

    @Argument(help: "The folder for results: the run's --out.") var folder: String
    @Flag(help: "Print DIR/status.json as it is.") var json = false

    func run() throws {
        let file = "\(folder)/status.json"
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ValidationError("\(file): expected the status of a run, found no such file")
        }
        guard let snapshot = try? JSONDecoder().decode(RunSnapshot.self, from: data) else {
            throw ValidationError("\(file): expected a run's status, found something else")
        }
        // One that was killed has not said so.
        let isKilled = snapshot.state == .running && !OutputFolder.isBusy(folder)
        if json {
            Terminal.say(String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines))
        } else {
            show(snapshot, state: isKilled ? "killed; the same command goes on" : snapshot.state.rawValue)
        }
        if isKilled || snapshot.state == .interrupted || snapshot.state == .failed { throw ExitCode.someFailed }
    }

    private func show(_ run: RunSnapshot, state: String) {
        Terminal.say("pipeline \(Terminal.clean(run.pipeline)), process \(run.pid): \(state)")
        let counts = ["ok", "partial", "failed", "skipped"].map { "\(run.inputs[$0] ?? 0) \($0)" }.joined(separator: ", ")
        let total = run.inputs.values.reduce(0, +)
        let rate = String(format: "%.1f s, %.1f a second", run.elapsed, run.rate)
        Terminal.say("\(total) inputs: \(counts); \(run.kept) done before, \(run.open) open; \(rate)")
        if run.dropped > 0 { Terminal.say("\(run.dropped) messages that made no sense were dropped") }
        let stages = run.stages.map { [$0.name, "\($0.waiting)", "\($0.answered)"] }
        if !stages.isEmpty {
            Terminal.say("\n" + TextTable([["stage", "waiting", "answered"]] + stages, widths: [24, 10, 10]).text)
        }
        let workers = run.workers.map { worker in
            let tasks = worker.tasks.map { task in
                Terminal.clean("\(task.item) (attempt \(task.attempt), \(Int(task.lease)) s left)")
            }
            return [
                worker.name, "\(worker.pid)", worker.phase, String(format: "%.1f s ago", worker.silent),
                tasks.joined(separator: ", "),
            ]
        }
        if !workers.isEmpty {
            Terminal.say(
                "\n" + TextTable([["worker", "process", "", "heard", "holds"]] + workers, widths: [24, 9, 8, 12, 60]).text)
        }
    }
}
