import ArgumentParser
import Coordination
import Foundation
import Pipelines

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Finds every fault of a pipeline file, with its line; asks the experts which options they know.")

    @Argument(help: "A pipeline file, or the name of one in pipelines/.") var pipeline: String
    @Option(name: .customLong("set"), help: "Set an option: stage.key=value. May be repeated.") var set: [String] = []

    func run() async throws {
        do {
            let pipeline = try readPipeline(pipeline, settings: set, ask: nil)
            try await greetExperts(of: pipeline)
            Terminal.say("\(self.pipeline): \(pipeline.stages.count) stages, no faults")
        } catch let faults as Faults {
            Terminal.complain(faults.description)
            throw ExitCode.configuration
        } catch {
            throw Terminal.end(with: error)
        }
    }
}

/// Starts the experts of a pipeline, up to their Hello, and binds the pipeline to what they say of themselves.
func greetExperts(of pipeline: Pipeline) async throws {
    let logs = FileManager.default.temporaryDirectory.appendingPathComponent("lorgnette-check-\(getpid())").path
    try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: logs) }
    _ = try await Terminal.onThread {
        var settings = Coordinator.Settings(logs: logs)
        settings.checkOnly = true
        return try Coordinator(
            pipeline: pipeline, settings: settings, feed: SingleFeed(path: ""), sink: SingleSink(),
            observer: SilentObserver(), mailbox: Mailbox()
        ).run()
    }
}

final class SilentObserver: RunObserver {
    func update(_ status: RunStatus) {}
    func progress(_ text: String, attempt: Int) {}
    func failed(_ item: String, _ error: ItemError) {}
    func note(_ text: String) {}
}
