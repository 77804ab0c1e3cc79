import ArgumentParser
import Checkpoints
import Foundation
import Models

/// Lets a model answer prompts by itself: what it is trained on so that an adapter leaves its own answers alone, and what
/// `evaluate likelihood` measures that with.
struct Answer: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a language model's own answers to a file of prompts; run it again to go on where it stopped.",
        discussion: """
            A line of PROMPTS has the user's message in "prompt", or an "instruction" with an "input" that may be empty. \
            Its answer, always of the likeliest tokens, becomes one line of the output: the prompt line's own texts, \
            "prompt", "answer", "finish" (stop or length), "limit" and "model".
            """)

    @Argument(help: "A GGUF file: a path, or a name in the models folder.") var language: String
    @Argument(help: "JSONL.") var prompts: String
    @Option(help: "The file to append to.") var out: String
    @Option(help: "The most tokens of an answer.") var limit = 256
    @Option(help: "Only prompts of this \"split\".") var split: String?

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit: expected a number from 1, found \(limit)") }
    }

    func run() throws {
        let open = try Prompt.read(prompts, split: split)
        let file = try AppendedLines(path: out)
        let model = try LanguageModel(path: ModelsFolder.resolve(language))
        let done = try answered(by: model)
        let writer = try Writer(model, limit: limit)
        for (number, prompt) in open.enumerated() where !done.contains(prompt.message) {
            let generation = try writer.answer(prompt)
            var line = prompt.texts
            line["prompt"] = .text(prompt.message)
            line["answer"] = .text(generation.text)
            line["finish"] = .text(generation.finish.rawValue)
            line["limit"] = .number(limit)
            line["model"] = .text(model.fingerprint)
            try file.append(line)
            FileHandle.standardError.write(Data("\(number + 1) of \(open.count)\n".utf8))
        }
    }

    /// The messages that the output answers already. Throws `EvaluationFault` if by another model or to another limit.
    private func answered(by model: LanguageModel) throws -> Set<String> {
        var messages: Set<String> = []
        for line in try JSONLines(path: out).lines {
            let maker = try line.text("model")
            guard maker == model.fingerprint else {
                throw EvaluationFault("\(line.place): \"model\": expected \(model.fingerprint), found \(maker)")
            }
            guard line.object["limit"]?.int == limit else {
                let found = line.object["limit"]?.kind ?? "none"
                throw EvaluationFault("\(line.place): \"limit\": expected \(limit), found \(found)")
            }
            messages.insert(try line.text("prompt"))
        }
        return messages
    }
}

extension Answer {
    /// A line of the prompts file.
    struct Prompt {
        let place: String
        /// What the user says.
        let message: String
        /// All texts of the line.
        let texts: [String: Field]

        static func read(_ path: String, split: String?) throws -> [Prompt] {
            let prompts = try JSONLines(path: path).lines.compactMap { line in
                split == nil || line.object["split"]?.string == split ? try Prompt(line) : nil
            }
            guard !prompts.isEmpty else {
                let which = split.map { " with \"split\": \"\($0)\"" } ?? ""
                throw EvaluationFault("\(path): expected prompts\(which), found none")
            }
            return prompts
        }

        private init(_ line: JSONLines.Line) throws(EvaluationFault) {
            place = line.place
            message = try line.message()
            let members = line.object.members ?? []
            texts = Dictionary(
                members.compactMap { member in member.value.string.map { (member.name, .text($0)) } },
                uniquingKeysWith: { first, _ in first })
        }
    }

    /// A value of an output line.
    enum Field: Encodable {
        case text(String)
        case number(Int)

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .number(let number): try container.encode(number)
            }
        }
    }

    /// A model with the state that its answers use one after the other.
    struct Writer {
        private let model: LanguageModel
        private let template: ChatTemplate
        private let state: Llama.State
        private let limit: Int

        init(_ model: LanguageModel, limit: Int) throws {
            self.model = model
            self.limit = limit
            template = try model.chatTemplate()
            state = try Llama.State(model.llama, capacity: min(4096, model.llama.configuration.context))
        }

        func answer(_ prompt: Prompt) throws -> LanguageModel.Generation {
            let ids = template.turn(prompt.message, model.tokenizer)
            guard ids.count + limit <= state.capacity else {
                throw EvaluationFault(
                    "\(prompt.place): expected at most \(state.capacity - limit) tokens, found \(ids.count)")
            }
            state.reset()
            var greedy = try Sampler(temperature: 0)
            return try model.generate(
                after: ids, in: state, limit: limit, stop: model.tokenizer.eos, sampler: &greedy)
        }
    }
}

extension JSONLines.Line {
    /// What a user says: "prompt", or "instruction" and, after an empty line, "input".
    func message() throws(EvaluationFault) -> String {
        if object["prompt"] != nil { return try text("prompt") }
        let instruction = try text("instruction")
        let input = object["input"] == nil ? "" : try text("input")
        return input.isEmpty ? instruction : "\(instruction)\n\n\(input)"
    }
}

extension LanguageModel {
    /// How conversations are written. Throws `EvaluationFault` if the model's file does not say.
    func chatTemplate() throws -> ChatTemplate {
        guard let template = try template else {
            throw EvaluationFault("\(name): expected a chat template, found none: only a chat model answers")
        }
        return template
    }
}

extension ChatTemplate {
    /// The tokens of a user's message with all that stands before the answer.
    func turn(_ message: String, _ tokenizer: any Tokenizer) -> [Int] {
        tokenizer.encode(pieces([ChatMessage(.user, message)], addGenerationPrompt: true))
    }
}
