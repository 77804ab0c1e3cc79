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
            for warning in try await greetExperts(of: pipeline) { Terminal.complain("warning: \(warning)") }
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
/// Returns what is no fault and may yet surprise.
func greetExperts(of pipeline: Pipeline) async throws -> [Fault] {
    let logs = FileManager.default.temporaryDirectory.appendingPathComponent("lorgnette-check-\(getpid())").path
    try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: logs) }
    return try await Terminal.onThread {
        var settings = Coordinator.Settings(logs: logs)
        settings.checkOnly = true
        let coordinator = Coordinator(
            pipeline: pipeline, settings: settings, feed: SingleFeed(path: ""), sink: SingleSink(),
            observer: SilentObserver(), mailbox: try Mailbox())
        _ = try coordinator.run()
        return coordinator.warnings
    }
}

final class SilentObserver: RunObserver {
    func update(_ status: RunStatus) {}
    func progress(_ text: String, attempt: Int) {}
    func failed(_ item: String, _ error: ItemError) {}
    func note(_ text: String) {}
}
