import Checkpoints
import Models
import Pipelines

extension Subject {
    /// Pipeline files of chance, and conditions.
    static let pipelines = [
        Subject("pipeline", as: "pipeline.yaml", make: PipelineCorpus.file) { path in
            let mapping = try MappedFile(path: path)
            let bytes = withExtendedLifetime(mapping) { Array(mapping.bytes.buffer) }
            guard let text = String(validating: bytes, as: UTF8.self) else { throw NotText() }
            try PipelineCorpus.bind(text)
        }
    ]

    private struct NotText: Error {}
}

/// Pipeline files put together by chance, most of them nearly right.
enum PipelineCorpus {
    private static let names = ["visual", "caption", "text", "answer", "a", "b-2", "not", "Bad", "caption"]
    private static let words = [
        "eng", "[eng, chi_sim]", "[]", "{}", "{text: 256}", "{text: -1, nobody: 2}", "true", "yes", "~", "0", "-1", "64", "1e999",
        "0.5", "20s", "1m30s", "9ms", "\"quoted # text\"", "'it''s'", "tcp://host:5555", "tcp://[::1]:1", "[python3, x.py]",
        "[[a]]",
        "|\n      block\n", "&anchor x", "*anchor", "!!str x", "é😀", "\"\\u202E\\0\"",
    ]
    private static let keys = [
        "visual", "context", "from", "languages", "budget", "max_tokens", "temperature", "optional", "workers", "deadline",
        "when",
        "question", "picture", "expert", "command", "at", "unknown", "min_confidence",
    ]
    private static let experts = ["encoder", "captioner", "ocr", "generator", "editor", "nobody", "../x"]
    private static let pieces = [
        "&a ", "*a", "? ", "- ", ": ", "!!str ", "|", ">", "{", "}", "[", "]", ",", "\"", "'", "\n", "\r\n", "\t", "---\n", "#",
        "\0",
        "\u{FEFF}", "\u{85}", "\u{2028}", "\u{F0000}", "<<: ", "[[[[[[[[[[[[[[[[[[[[", "when: ", "text.words > 0",
        "  a: {expert: ocr}\n",
    ]

    /// A sound file, whole or damaged in one place.
    private static func sound(using random: inout SplitMix64) -> [UInt8] {
        let text = """
            pipeline: p
            ask: What is it?
            stages:
              visual: {expert: encoder}
              text: {expert: ocr, languages: [eng], optional: true, deadline: 20s}
              caption: {expert: captioner, visual: visual, when: \(quoted(condition(depth: 4, using: &random)))}
              answer: {expert: generator, visual: visual, context: [caption, text], budget: {text: 256}}
            answer: answer

            """
        let bytes = Array(text.utf8)
        return Bool.random(using: &random) ? bytes : bytes.mutated(using: &random)
    }

    private static func quoted(_ text: String) -> String { "\"\(text.replacing("\"", with: "'"))\"" }

    static func file(using random: inout SplitMix64) -> [UInt8] {
        if Int.random(in: 0..<4, using: &random) == 0 { return sound(using: &random) }
        func chance(_ sides: Int) -> Bool { Int.random(in: 0..<sides, using: &random) == 0 }
        func pick(_ choices: [String]) -> String { choices[Int.random(in: 0..<choices.count, using: &random)] }
        var text = "pipeline: p\n"
        if chance(2) { text += "ask: What is it?\n" }
        text += "stages:\n"
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            var pairs = ["expert: \(chance(10) ? pick(experts) : pick(Array(experts.prefix(5))))"]
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let key = pick(keys)
                let isName = ["visual", "context", "from"].contains(key) && !chance(6)
                let stages = "[\((0..<Int.random(in: 1...3, using: &random)).map { _ in pick(names) }.joined(separator: ", "))]"
                let value = key == "when" ? condition(depth: 0, using: &random) : isName ? stages : pick(words)
                pairs.append("\(key): \(key == "when" && chance(2) ? quoted(value) : value)")
            }
            let name = pick(names)
            text +=
                chance(2)
                ? "  \(name): {\(pairs.joined(separator: ", "))}\n" : "  \(name):\n" + pairs.map { "    \($0)\n" }.joined()
        }
        if !chance(3) { text += "answer: \(pick(names))\n" }
        var bytes = Array(text.utf8)
        if chance(3) { bytes = bytes.mutated(using: &random) }
        if chance(3) {
            bytes.insert(contentsOf: Array(pick(pieces).utf8), at: Int.random(in: 0...bytes.count, using: &random))
        }
        return bytes
    }

    private static func condition(depth: Int, using random: inout SplitMix64) -> String {
        func pick(_ choices: [String]) -> String { choices[Int.random(in: 0..<choices.count, using: &random)] }
        switch Int.random(in: 0..<(depth > 6 ? 5 : 9), using: &random) {
        case 0...4:
            let field = pick(["words", "lines", "characters", "confidence", "coverage", "text", "status", "facts.x", "wrods", ""])
            let test = pick([
                "> 0", "<= 1", "== 0.5", "!= 3", "= 1", "> -1", "empty", "contains a", "contains 'b c'", "== ok", "!= failed", "",
                "== \"", "contains and",
            ])
            return "\(pick(names)).\(field) \(test)"
        case 5: return "not \(condition(depth: depth + 1, using: &random))"
        case 6: return "(\(condition(depth: depth + 1, using: &random)))"
        default:
            let first = condition(depth: depth + 1, using: &random)
            return "\(first) \(pick(["and", "or", "&&", "xor"])) \(condition(depth: depth + 1, using: &random))"
        }
    }

    /// Reads a file and does with it all that the commands do before a worker is started.
    static func bind(_ text: String) throws {
        do throws(Faults) {
            let pipeline = try Pipeline.read(text, file: "p.yaml")
            let bound = try pipeline.bound(to: descriptions(for: pipeline))
            for (index, stage) in bound.stages.enumerated() {
                precondition(stage.dependencies.allSatisfy { $0 < index }, "a stage before what it waits for")
                if let condition = stage.stage.when { evaluate(condition) }
            }
            _ = bound.warnings.map(\.description)
            // Whatever can be bound can be compared, if something feeds its answer.
            guard let comparison = try? Comparison(pipeline) else { return }
            let compared = comparison.pipeline
            let all = try? compared.bound(to: descriptions(for: compared))
            precondition(all?.stages.contains { $0.name == pipeline.answer } == true, "what is bound cannot be compared")
        } catch {
            precondition(!error.faults.isEmpty && error.faults.allSatisfy { !$0.message.isEmpty && $0.line ?? 1 > 0 })
            throw error
        }
    }

    /// A condition means the same when it is written anew.
    private static func evaluate(_ condition: Condition) {
        let line = TextLine(text: "a b", box: [0, 0, 9, 9], confidence: 0.5)
        let found = StageOutcome(
            text: "a b", confidence: 0.5, lines: [line], facts: ["x": "3"],
            picture: PictureFacts(format: "png", width: 18, height: 9))
        let views: [Condition.View?] = [
            nil, .init(status: .ok, outcome: found), .init(status: .failed, outcome: nil),
            .init(status: .ok, outcome: StageOutcome()),
        ]
        let again = try? Condition(condition.description)
        for view in views { precondition(again?.holds { _ in view } == condition.holds { _ in view }, "\(condition)") }
    }

    private static func descriptions(for pipeline: Pipeline) -> [String: ExpertDescription] {
        typealias Option = ExpertDescription.Option
        let picture = Port(name: "picture", kind: .picture, required: true)
        let all = [
            ExpertDescription(service: "encoder", inputs: [picture], outputs: [Port(name: "features", kind: .tensor)]),
            ExpertDescription(
                service: "captioner", inputs: [Port(name: "visual", kind: .tensor, required: true)],
                outputs: [Port(name: "caption", kind: .text)]),
            ExpertDescription(
                service: "ocr", inputs: [picture], outputs: [Port(name: "text", kind: .text)],
                options: [
                    Option(name: "languages", type: .stringList),
                    Option(name: "min_confidence", type: .number, minimum: 0, maximum: 1),
                ]),
            ExpertDescription(
                service: "generator",
                inputs: [
                    Port(name: "question", kind: .question), Port(name: "visual", kind: .tensor),
                    Port(name: "context", kind: .text),
                ], outputs: [Port(name: "answer", kind: .text)],
                options: [
                    Option(name: "max_tokens", type: .integer, minimum: 1), Option(name: "temperature", type: .number),
                    Option(name: "budget", type: .integerMap, minimum: 0),
                ]),
            ExpertDescription(
                service: "editor", inputs: [Port(name: "from", kind: .text, required: true)],
                outputs: [Port(name: "text", kind: .text)]),
        ]
        var found: [String: ExpertDescription] = [:]
        for stage in pipeline.staffed {
            if case .named(let name) = stage.expert { found[stage.name] = all.first { $0.service == name } }
        }
        return found
    }
}
