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
            let value =
                switch value {
                case .count(let count): "\(count)"
                case .number(let number): number.isFinite ? Self.short(number) : "null"
                case .group(let figures): figures.json
                }
            return "\(Self.quoted(name)):\(value)"
        }
        return "{\(members.joined(separator: ","))}"
    }

    /// One row a line; a group's groups are indented below its name, its other rows stand beside it.
    var text: String { lines(indent: "").joined(separator: "\n") }

    private func lines(indent: String) -> [String] {
        let width = rows.map(\.name.count).max() ?? 0
        return rows.flatMap { name, value in
            let begin = indent + name.padded(to: width) + "  "
            switch value {
            case .count(let count): return [begin + "\(count)"]
            case .number(let number): return [begin + Self.short(number)]
            case .group(let figures):
                return figures.isFlat ? [begin + figures.line] : [indent + name] + figures.lines(indent: indent + "  ")
            }
        }
    }

    private var isFlat: Bool { rows.allSatisfy { if case .group = $0.value { false } else { true } } }

    /// "n 11  exact 0.5000": for a group without groups.
    private var line: String {
        rows.map { name, value in
            switch value {
            case .count(let count): "\(name) \(count)"
            case .number(let number): "\(name) \(Self.short(number))"
            case .group(let figures): "\(name) (\(figures.line))"
            }
        }.joined(separator: "  ")
    }

    /// A name as JSON; kinds of questions are somebody else's words.
    private static func quoted(_ name: String) -> String {
        (try? JSONEncoder().encode(name)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }

    private static func short(_ number: Double) -> String { String(format: "%.4f", number) }
}
