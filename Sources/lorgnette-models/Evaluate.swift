import ArgumentParser
import Foundation

/// Measures how good captions and answers are. Each subcommand prints a few numbers, or with `--json` one object.
struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures how good captions and answers are.",
        subcommands: [EvaluateCaptions.self, EvaluateAnswers.self, EvaluateLikelihood.self])
}

/// Numbers with their names, in order: the result of an evaluation.
struct Figures {
    enum Value {
        case count(Int)
        /// Written with four decimals.
        case number(Double)
        case group(Figures)
    }

    private var rows: [(name: String, value: Value)] = []

    mutating func add(_ name: String, _ value: Value) { rows.append((name, value)) }

    var json: String {
        let members = rows.map { name, value in
            switch value {
            case .count(let count): "\"\(name)\":\(count)"
            case .number(let number): "\"\(name)\":\(number.isFinite ? Self.short(number) : "null")"
            case .group(let figures): "\"\(name)\":\(figures.json)"
            }
        }
        return "{\(members.joined(separator: ","))}"
    }

    /// One row a line; a group's rows are indented below its name.
    var text: String { lines(indent: "").joined(separator: "\n") }

    private func lines(indent: String) -> [String] {
        let width = rows.map(\.name.count).max() ?? 0
        return rows.flatMap { name, value in
            switch value {
            case .count(let count): ["\(indent)\(name.padded(to: width))  \(count)"]
            case .number(let number): ["\(indent)\(name.padded(to: width))  \(Self.short(number))"]
            case .group(let figures): [indent + name] + figures.lines(indent: indent + "  ")
            }
        }
    }

    private static func short(_ number: Double) -> String { String(format: "%.4f", number) }
}
