import ArgumentParser
import Coordination
import Foundation
import Pipelines

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a pipeline over files and folders; run it again to go on where it stopped.",
        discussion: """
            DIR/results.jsonl gets one line for every input: ok, partial, failed or skipped.
            Exit status: 0 all ok or skipped; 1 some failed or partial; 2 usage or configuration; 3 an expert or model \
            is missing; 4 results cannot be written; 130 interrupted (nothing is lost).
            """)

    @Argument(help: "A pipeline file, or the name of one in pipelines/.") var pipeline: String
    @Argument(help: "Pictures and folders of pictures.") var inputs: [String]
    @Option(name: .customLong("out"), help: "The folder for results.") var out: String
    @Option(help: "The question to ask of every picture, instead of the pipeline's own.") var ask: String?
    @Option(help: "JSONL of {\"item\": …, \"question\": …}: questions for single pictures, by path or file name.")
    var questions: String?
    @Option(help: "Leave a stage out. May be repeated.") var without: [String] = []
    @Option(help: "Answer from this stage alone, and from others so named. May be repeated.") var only: [String] = []
    @Flag(help: "Take up inputs again that failed or are partial.") var retryFailed = false
    @Option(help: "Look at no more than so many inputs.") var limit: Int?
    @Option(help: "Seed for sampling.") var seed: UInt64 = 1
    @Option(name: .customLong("set"), help: "Set an option: stage.key=value. May be repeated.") var set: [String] = []
    @Option(help: "Tell how it goes at http://127.0.0.1:PORT/metrics, for Prometheus.") var metrics: UInt16?
    @Flag(help: "Print a table of the results at the end.") var table = false
    @Option(
        help:
            "Inject faults: kill,hang,crash,slow,garbage,drop,dup,corrupt,full-disk, or some of them; kill=20 strikes one in 20."
    )
    var chaos: String?
    @Option(help: "Seed for the faults: the same seed, the same faults.") var chaosSeed: UInt64 = 1

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit: expected a number from 1, found \(limit)") }
    }

    func run() async throws {
        do {
            let (folder, status) = try await work()
            report(status, folder)
            if status.interrupted { throw ExitCode.interrupted }
            if status[.failed] + status[.partial] > 0 { throw ExitCode.someFailed }
        } catch let code as ExitCode {
            throw code
        } catch {
            throw Terminal.end(with: error)
        }
    }

    private func work() async throws -> (OutputFolder, RunStatus) {
        let pipeline = try readPipeline(pipeline, settings: set, ask: ask).without(without)
            .only(only.isEmpty ? nil : only)
        let questions = try questions.map { try Questions(path: $0) }
        let folder = try OutputFolder(out)
        let walk = try FolderWalk(inputs: inputs, excluding: out)
        let mailbox = try Mailbox()
        let signals = Terminal.onInterrupt { mailbox.interrupt() }
        defer { for signal in signals { signal.cancel() } }
        let desk = RunDesk(status: folder.status, events: "\(folder.logs)/run.jsonl")
        let server = try metrics.map { try MetricsServer(port: $0, desk: desk) }
        defer { server?.close() }
        var settings = Coordinator.Settings(logs: folder.logs)
        (settings.seed, settings.desk) = (seed, desk)
        if let chaos { try settings.inject(chaos, seed: chaosSeed) }
        let (limit, retryFailed, ready) = (limit, retryFailed, settings)
        let bar = ProgressBar(counting: walk, limit: limit)
        let status = try await Terminal.onThread {
            let ledger = try Ledger(path: folder.ledger)
            let file = ResultsFile(path: folder.results, ledger: ledger, chaos: ready.chaos)
            try file.open()
            let coordinator = Coordinator(
                pipeline: pipeline, settings: ready,
                feed: FolderFeed(
                    walk: walk, ledger: ledger, retryFailed: retryFailed, limit: limit, questions: questions),
                sink: Journal(ledger: ledger, file: file), observer: bar, mailbox: mailbox)
            defer { bar.end() }
            return try coordinator.run()
        }
        return (folder, status)
    }

    private func report(_ status: RunStatus, _ folder: OutputFolder) {
        if table, let text = ResultTable(file: folder.results)?.text { Terminal.say(text) }
        let counts = ItemStatus.allCases.map { "\(status[$0]) \($0.rawValue)" }.joined(separator: ", ")
        let before = status.kept > 0 ? ", \(status.kept) of them done before" : ""
        let seconds = status.elapsed.inSeconds
        let rate = Double(status.total - status.kept) / max(seconds, 1e-3)
        Terminal.complain(
            "\(status.total) inputs: \(counts)\(before); "
                + String(format: "%.1f s, %.1f a second", seconds, rate)
                + (status.interrupted ? "; interrupted: run the same command again to go on" : ""))
        Terminal.complain("results: \(folder.results)")
    }
}
