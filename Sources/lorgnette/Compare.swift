import ArgumentParser
import Coordination
import Pipelines

struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what each expert changes: one answer for each subset of those that feed it, side by side.",
        discussion: """
            From the question alone to all experts: every subset of up to four; of more, each, each pair and all.
            What the answers have in common is computed once, and all answers are given by the same worker.
            """)

    @Argument(help: "A picture.") var picture: String
    @Argument(help: "The question.") var question: String
    @Option(help: "A pipeline file, or the name of one in pipelines/.") var pipeline = "describe"
    @Flag(help: "Print one line of JSON instead of the table.") var json = false
    @Option(help: "Seed for sampling.") var seed: UInt64 = 1
    @Option(name: .customLong("set"), help: "Set an option: stage.key=value. May be repeated.") var set: [String] = []

    func run() async throws {
        do {
            let comparison = try Comparison(readPipeline(pipeline, settings: set, ask: question))
            let line = try await look(
                at: picture, pipeline: comparison.pipeline, seed: seed, observer: AnswerStream(silent: true))
            guard let line else { throw ExitCode.interrupted }
            if json { Terminal.say(comparison.json(line, question: question)) } else { show(line, comparison) }
            if line.status != .ok { throw ExitCode.someFailed }
        } catch let code as ExitCode {
            throw code
        } catch {
            throw Terminal.end(with: error)
        }
    }

    private func show(_ line: ResultLine, _ comparison: Comparison) {
        if let error = line.error {
            let message = "\(error.stage.map { "\($0): " } ?? "")\(error.message) [\(error.code)]"
            return Terminal.complain("lorgnette: \(picture): \(Terminal.clean(message))")
        }
        let reports = Dictionary(uniqueKeysWithValues: line.stages.map { ($0.name, $0.report) })
        var found = [["expert", "what it found"]]
        for entry in line.stages where !comparison.rows.contains(where: { $0.stage == entry.name }) {
            let text = entry.report.status == .ok ? entry.report.outcome?.text : Self.trouble(entry.report)
            if let text { found.append([entry.name, text.isEmpty ? "nothing" : Terminal.clean(text)]) }
        }
        var answers = [["built from", "answer"]]
        for row in comparison.rows {
            guard let report = reports[row.stage] else { continue }
            let source = row.experts.isEmpty ? "the question alone" : row.experts.joined(separator: ", ")
            answers.append([source, Terminal.clean(report.outcome?.text ?? Self.trouble(report))])
        }
        let widths = [24, 90]
        if found.count > 1 { Terminal.say(TextTable(found, widths: widths).text + "\n") }
        Terminal.say("\(Terminal.clean(question))\n\n\(TextTable(answers, widths: widths).text)")
    }

    private static func trouble(_ report: StageReport) -> String {
        let why = report.reason.map { "not run; \($0)" } ?? report.error.map { "\($0.message) [\($0.code)]" }
        return "(\(Terminal.clean(why ?? report.status.rawValue)))"
    }
}
