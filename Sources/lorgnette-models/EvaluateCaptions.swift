import ArgumentParser
import Scoring

struct EvaluateCaptions: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "captions",
        abstract: "BLEU-4, CIDEr-D and ROUGE-L of captions, as the COCO evaluation code computes them.",
        discussion: """
            RESULTS is JSONL: a line has an item and its caption in "caption", or in stages.caption.text as results.jsonl \
            of a run has it; a line without one counts as an empty caption. REFERENCES is JSONL of {"item": …, \
            "captions": […]}. Items are matched by the names of their files; CIDEr-D learns from the references of the \
            items that are scored which words are common.
            """)

    @Argument(help: "JSONL with captions.") var results: String
    @Argument(help: "JSONL with what people wrote.") var references: String
    @Option(help: "Where a result has its caption, such as answer.text.") var field: String?
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let written = try Self.references(JSONLines(path: references))
        var cases: [String: CaptionCase] = [:]
        var captions: Set<String> = []
        for line in try JSONLines(path: results).lines {
            let name = try line.itemName()
            guard let references = written[name] else { continue }
            let caption = try caption(of: line)
            guard cases.updateValue(references.judging(caption), forKey: name) == nil else {
                throw EvaluationFault("\(line.place): \"item\": expected each picture once, found \(name) again")
            }
            captions.insert(caption)
        }
        guard !cases.isEmpty else {
            throw EvaluationFault("\(results): expected items of \(references), found none of them")
        }
        // In a fixed order, so that the sums are the same in every run.
        let ordered = cases.sorted { $0.key < $1.key }.map(\.value)
        var figures = Figures()
        figures.add("n", .count(ordered.count))
        figures.add("missing", .count(written.count - ordered.count))
        figures.add("BLEU-4", .number(BLEU.score(ordered)))
        figures.add("CIDEr-D", .number(CIDErD.score(ordered)))
        figures.add("ROUGE-L", .number(ROUGEL.score(ordered)))
        figures.add("distinct", .count(captions.count))
        print(json ? figures.json : figures.text)
    }

    private func caption(of line: JSONLines.Line) throws(EvaluationFault) -> String {
        let paths = field.map { [$0] } ?? ["caption", "stages.caption.text"]
        for path in paths {
            guard let value = line.value(at: path), !value.isNull else { continue }
            guard let text = value.string else {
                throw .init("\(line.place): \"\(path)\": expected a caption, found \(value.kind)")
            }
            if !text.isEmpty { return text }
        }
        return ""
    }

    /// What people wrote, by the names of the pictures; the captions are still to come.
    private static func references(_ file: JSONLines) throws(EvaluationFault) -> [String: CaptionCase] {
        var found: [String: CaptionCase] = [:]
        for line in file.lines {
            let texts = try line.texts("captions")
            guard let references = CaptionCase("", references: texts) else {
                throw .init("\(line.place): \"captions\": expected at least one, found none")
            }
            found[try line.itemName()] = references
        }
        return found
    }
}
