import ArgumentParser
import Foundation
import Scoring

struct EvaluateAnswers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "answers",
        abstract: "How many questions were answered as expected: exactly, and with the answer among other words.",
        discussion: """
            RESULTS is results.jsonl of a run with --questions QUESTIONS; QUESTIONS is JSONL of {"item": …, "question": …, \
            "answer": …} with an optional "kind". Items are matched by the names of their files; a question without a \
            result counts as answered wrongly. Case, white space, articles and punctuation at the ends do not matter.
            """)

    @Argument(help: "JSONL with answers.") var results: String
    @Argument(help: "JSONL with the questions and the expected answers.") var questions: String
    @Option(help: "Where a result has its answer.") var field = "answer.text"
    @Flag(help: "Name every question that was not answered exactly, on standard error.") var wrong = false
    @Flag(help: "Print JSON.") var json = false

    /// Counts of one kind of question, or of all.
    private struct Tally {
        var asked = 0
        var exact = 0
        var contains = 0
        var missing = 0

        var figures: Figures {
            var figures = Figures()
            figures.add("n", .count(asked))
            figures.add("missing", .count(missing))
            figures.add("exact", .number(Double(exact) / Double(asked)))
            figures.add("contains", .number(Double(contains) / Double(asked)))
            return figures
        }
    }

    func run() throws {
        let answers = try answers()
        var (all, kinds) = (Tally(), [String: Tally]())
        var seen: Set<String> = []
        for line in try JSONLines(path: questions).lines {
            let name = try line.itemName()
            guard seen.insert(name).inserted else {
                throw EvaluationFault("\(line.place): \"item\": expected one question a picture, found \(name) again")
            }
            let expected = try line.text("answer")
            let answer = answers[name]
            let match = AnswerMatch(answer ?? "", expected: expected)
            let kind = line.object["kind"] == nil ? nil : try line.text("kind")
            func count(_ tally: inout Tally) {
                tally.asked += 1
                tally.missing += answer == nil ? 1 : 0
                tally.exact += match.isExact ? 1 : 0
                tally.contains += match.contains ? 1 : 0
            }
            count(&all)
            if let kind { count(&kinds[kind, default: Tally()]) }
            if wrong, !match.isExact {
                let found = answer.map { "found \($0.debugDescription)" } ?? "no answer"
                let fault = "\(name): \(try line.text("question")) expected \(expected.debugDescription), \(found)\n"
                FileHandle.standardError.write(Data(fault.utf8))
            }
        }
        guard all.asked > 0 else { throw EvaluationFault("\(questions): expected questions, found none") }
        var figures = all.figures
        if !kinds.isEmpty {
            var groups = Figures()
            for (kind, tally) in kinds.sorted(by: { $0.key < $1.key }) { groups.add(kind, .group(tally.figures)) }
            figures.add("kinds", .group(groups))
        }
        print(json ? figures.json : figures.text)
    }

    /// By the names of the pictures. A result without an answer is none.
    private func answers() throws -> [String: String] {
        var answers: [String: String] = [:]
        for line in try JSONLines(path: results).lines {
            guard let value = line.value(at: field), !value.isNull else { continue }
            guard let text = value.string else {
                throw EvaluationFault("\(line.place): \"\(field)\": expected an answer, found \(value.kind)")
            }
            let name = try line.itemName()
            guard answers.updateValue(text, forKey: name) == nil else {
                throw EvaluationFault("\(line.place): \"item\": expected each picture once, found \(name) again")
            }
        }
        return answers
    }
}
