import ArgumentParser
import Coordination
import Foundation
import Pipelines

struct Ask: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Answers one question about one picture.")

    @Argument(help: "A picture.") var picture: String
    @Argument(help: "The question.") var question: String
    @Option(help: "A pipeline file, or the name of one in pipelines/.") var pipeline = "describe"
    @Option(help: "Leave a stage out, to see what its expert changes. May be repeated.") var without: [String] = []
    @Option(help: "Answer from this stage alone, and from others so named. May be repeated.") var only: [String] = []
    @Flag(help: "Print the result line instead of the answer.") var json = false
    @Option(help: "Seed for sampling.") var seed: UInt64 = 1
    @Option(name: .customLong("set"), help: "Set an option: stage.key=value. May be repeated.") var set: [String] = []

    func run() async throws {
        do {
            let pipeline = try readPipeline(pipeline, settings: set, ask: question).without(without)
                .only(only.isEmpty ? nil : only)
            let stream = AnswerStream(silent: json)
            let line = try await look(at: picture, pipeline: pipeline, seed: seed, observer: stream)
            guard let line else { throw ExitCode.interrupted }
            show(line, isWritten: stream.hasWritten)
            if line.status == .failed || line.status == .skipped { throw ExitCode.someFailed }
        } catch let code as ExitCode {
            throw code
        } catch {
            throw Terminal.end(with: error)
        }
    }

    private func show(_ line: ResultLine, isWritten: Bool) {
        if json { return Terminal.say(line.json()) }
        guard let answer = line.answer else {
            let error = line.error.map { "\($0.stage.map { "\($0): " } ?? "")\($0.message) [\($0.code)]" }
            let reason = line.stages.first { $0.name == line.answerStage }?.report.reason.map { "no answer; \($0)" }
            return Terminal.complain("lorgnette: \(picture): \(Terminal.clean(error ?? reason ?? "no answer"))")
        }
        Terminal.say(isWritten ? "" : Terminal.clean(answer.outcome?.text ?? ""))
        let used = answer.outcome?.generation?.used ?? []
        let cut = answer.outcome?.generation?.cut ?? []
        var source = used.isEmpty ? "built from the question alone" : "built from \(used.joined(separator: ", "))"
        if !cut.isEmpty {
            source += "; cut by the token budget: " + cut.map { "\($0.lines) lines of \($0.stage)" }.joined(separator: ", ")
        }
        Terminal.complain("(\(source))")
        for entry in line.stages where entry.report.status != .ok {
            let why = entry.report.reason.map { "not run; \($0)" } ?? entry.report.error?.message ?? "failed"
            Terminal.complain("(\(entry.name): \(Terminal.clean(why)))")
        }
    }
}

/// Runs a pipeline on one picture; nil if it was interrupted.
func look(at picture: String, pipeline: Pipeline, seed: UInt64, observer: AnswerStream) async throws -> ResultLine? {
    guard FileManager.default.fileExists(atPath: picture) else {
        throw CoordinationError.noSuchInput(path: picture, reason: "no such file")
    }
    let mailbox = try Mailbox()
    let signals = Terminal.onInterrupt { mailbox.interrupt() }
    defer { for signal in signals { signal.cancel() } }
    let logs = FileManager.default.temporaryDirectory.appendingPathComponent("lorgnette-ask-\(getpid())").path
    try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: logs) }
    return try await Terminal.onThread {
        var settings = Coordinator.Settings(logs: logs)
        settings.seed = seed
        let sink = SingleSink()
        let coordinator = Coordinator(
            pipeline: pipeline, settings: settings, feed: SingleFeed(path: picture), sink: sink,
            observer: observer, mailbox: mailbox)
        _ = try coordinator.run()
        return sink.line
    }
}

/// Prints an answer as it is written. Only the coordinator's thread writes to it, and others read when that has ended.
final class AnswerStream: RunObserver, @unchecked Sendable {
    private let silent: Bool
    private var attempt = 1
    /// Whether the expert that answers told its words on the way.
    private(set) var hasWritten = false

    init(silent: Bool) { self.silent = silent }

    func update(_ status: RunStatus) {}

    func progress(_ text: String, attempt: Int) {
        guard !silent else { return }
        if attempt != self.attempt { Terminal.say("\n(the worker was lost; once more)") }
        self.attempt = attempt
        hasWritten = hasWritten || !text.isEmpty
        FileHandle.standardOutput.write(Data(Terminal.clean(text).utf8))
    }

    func failed(_ item: String, _ error: ItemError) {}
    func note(_ text: String) { Terminal.complain(Terminal.clean(text)) }
}
