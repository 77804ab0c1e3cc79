import Checkpoints
import ExpertKit
import Models
import Tensors
import Wire

/// Answers a question about a picture from what the other experts found, word by word.
final class GeneratorExpert: Expert {
    static let description = ExpertDescription(
        service: "generator", software: "lorgnette-generator 0.1.0",
        about: "Answers a question about a picture from what other experts found in it.",
        inputs: [.question(), .tensor("visual", required: false), .text("context", required: false)],
        outputs: [.text("answer")],
        options: [
            .string(
                "language", default: "SmolLM2-135M-Instruct.Q4_1.gguf",
                "A LLaMA: a GGUF file, or a folder as LLaMA or Hugging Face released it; a path, or a name in the models folder."
            ),
            .string(
                "adapter",
                "LLaMA-Adapter V2 through which the model sees the picture itself: a path, or a name in the models folder. Without: words only."
            ),
            .string(
                "system",
                "What the model is told before the question. Without: what the adapter was trained with, or without an adapter a message of Lorgnette's own."
            ),
            .integer("max_tokens", default: 96, in: 1...4096, "The longest answer."),
            .number(
                "temperature", default: 0, in: 0...10,
                "0: always the most likely word; 1: as often as the model finds it likely."),
            .number(
                "top_p", default: 0.95, in: 0.001...1,
                "With a temperature: choose among the likeliest words that have this share together."),
            .number(
                "repetition_penalty", in: 1...2,
                "Above 1: less of the same word again. Without: 1 with an adapter, else 1.1."),
            .bool("stream", default: true, "Report the words as they come."),
            .map(
                "budget", default: [:], in: 0...1_000_000,
                "For a stage of the context: how many tokens of its words may enter the prompt."),
            .integer(
                "batch", default: 8, in: 1...8,
                "Answers written at the same time; each is what it would be alone. Fewer where memory for them is scarce."),
        ], concurrency: 8)

    static let instructions = """
        You are given notes about a picture. Answer the question using the notes. Quote the text found in the picture. \
        Be brief.
        """

    /// What a small model needs to be shown rather than told, where several experts spoke. Left out where the pipeline
    /// has a system message of its own.
    static let examples = [
        example(
            "A woman is riding a horse.", "No text was found in the picture.", says: "There is no text in the picture."),
        example(
            "A red bus is driving down a street.", "1. CITY TOURS", "2. Route 12",
            says: "The text in the picture says \"CITY TOURS\" and \"Route 12\"."),
    ]

    /// Where nothing but text was looked for, and there was none.
    static let emptyExamples = [
        GroundedPrompt.Example(
            passages: [
                .init(
                    stage: "text", label: textLabel,
                    lines: ["1. Swimming pool closed", "2. from Monday to Thursday"])
            ], question: "What is this text about?",
            answer: "It says that the swimming pool is closed from Monday to Thursday."),
        GroundedPrompt.Example(
            passages: [.init(stage: "text", label: textLabel, lines: ["No text was found in the picture."])],
            question: "What is this text about?", answer: "There is no text in the picture."),
    ]

    /// How found text is labelled on the wire.
    private static let textLabel = "Text found in the picture (untrusted)"

    private static func example(_ caption: String, _ lines: String..., says text: String) -> GroundedPrompt.Example {
        GroundedPrompt.Example(
            passages: [
                .init(stage: "caption", label: "Caption", lines: [caption]),
                .init(stage: "text", label: textLabel, lines: lines),
            ], question: "Describe this picture.", answer: "\(caption) \(text)")
    }

    /// Tokens of prompt and answer together, where the model can read as many.
    private static let window = 4096

    private let language: LanguageModel
    private let adapter: LlamaAdapter?
    /// nil: the chat format's own.
    private let system: String?
    private let limit: Int
    private let sampling: (temperature: Float, topP: Float, repetitionPenalty: Float)
    private let streams: Bool
    private let budgets: [String: Int]
    private let batch: DecodingBatch
    /// Tokens that a prompt and its answer may have.
    private let capacity: Int
    /// What the last prompt without a picture began with, read; both change only while this thread computes alone.
    private var head: [Int] = []
    private let headState: Llama.State
    private let examples: [GroundedPrompt.Example]
    let models: [ExpertModel]
    private let facts: [String: String]

    init(options: ExpertOptions) throws {
        let path = try DataFolder.model(options.string("language"))
        let adapterPath =
            options.isGiven("adapter")
            ? try DataFolder.model(options.string("adapter")) : try? DataFolder.bundled("generator.safetensors")
        limit = try options.int("max_tokens")
        streams = try options.bool("stream")
        budgets = try options.map("budget")
        do {
            let base = try LanguageModel(path: path)
            var models = [ExpertModel(role: "language", name: base.name, fingerprint: base.fingerprint)]
            if let adapterPath,
                let adapter = try Self.adapter(adapterPath, for: base, isGiven: options.isGiven("adapter"))
            {
                self.adapter = adapter
                language = base.adapted(by: adapter)
                models.append(
                    ExpertModel(
                        role: "adapter", name: adapterPath.split(separator: "/").last.map(String.init) ?? adapterPath,
                        fingerprint: try Fingerprint.sha256(of: adapterPath)))
            } else {
                adapter = nil
                language = base
            }
            self.models = models
            facts =
                adapter.map(base.isConvertedBase) == true
                ? ["base": "\(base.name) was converted from the model that the adapter was made for"] : [:]
            capacity = min(Self.window, language.llama.configuration.context)
            batch = try DecodingBatch(language.llama, capacity: capacity, most: try options.int("batch"))
            headState = try batch.state(capacity: capacity)
        } catch {
            throw ExpertFailure.wrongModel("\(error)")
        }
        // An adapter knows by training what the others must be told and shown.
        let hasSystem = options.isGiven("system")
        system = hasSystem ? try options.string("system") : adapter.map { $0.facts["system"] } ?? Self.instructions
        examples = hasSystem || adapter != nil ? [] : Self.examples
        let penalty =
            options.isGiven("repetition_penalty")
            ? try options.double("repetition_penalty") : adapter == nil ? 1.1 : 1
        sampling = try (Float(options.double("temperature")), Float(options.double("top_p")), Float(penalty))
        guard limit < capacity else {
            throw ExpertFailure.badOption(
                "option \"max_tokens\": expected less than the \(capacity) tokens that \(language.name) reads, found \(limit)"
            )
        }
    }

    /// The adapter in a file. The one that ships with Lorgnette is left out, in silence, for another language model than
    /// its own; one that was asked for is refused.
    private static func adapter(_ path: String, for base: LanguageModel, isGiven: Bool) throws -> LlamaAdapter? {
        do {
            return try base.adapter(path: path)
        } catch ModelError.wrongBase where !isGiven {
            return nil
        }
    }

    func warmUp() throws {
        let prompt = try GroundedPrompt(
            system: system, examples: examples, question: "", passages: [], isAlpaca: adapter?.readsAlpaca ?? false,
            room: capacity - limit, model: language)
        try batch.withState { state in
            try batch.alone { try read(prompt, picture: nil, into: state) }
        }
    }

    var credit: Int { batch.most }

    func answer(_ task: ExpertTask) throws -> ExpertAnswer {
        let prompt = try prompt(task)
        let picture = try adapter.flatMap { try visual(task, $0) }
        let used = (picture == nil ? [] : task.inputs("visual").map(\.stage)) + prompt.used
        let generation = try batch.withState { state in
            try batch.alone { try read(prompt, picture: picture, into: state) }
            var sampler = try Sampler(
                temperature: sampling.temperature, topP: sampling.topP, repetitionPenalty: sampling.repetitionPenalty,
                seed: task.seed)
            return try language.generate(
                after: Array(prompt.ids[prompt.headCount...]), in: state, of: batch, limit: limit,
                stop: language.tokenizer.eos, sampler: &sampler
            ) { text in
                try task.checkCancelled()
                if streams, !text.isEmpty { task.report(text: text) }
            }
        }
        var answer = ExpertAnswer(text: generation.text.trimmed)
        answer.facts = facts
        answer.generation = .with {
            $0.tokens = UInt32(generation.ids.count)
            $0.finish = generation.finish.rawValue
            $0.seed = task.seed
            $0.promptTokens = UInt32(prompt.ids.count)
            $0.used = used
            $0.cut = prompt.cuts.map { cut in
                .with {
                    $0.stage = cut.stage
                    $0.lines = UInt32(cut.lines)
                    $0.tokens = UInt32(cut.tokens)
                }
            }
        }
        return answer
    }

    /// Reads the prompt's head, or takes it over if it was read before. It is always read by itself, so that an answer does
    /// not depend on what was answered before. To be called alone.
    private func read(_ prompt: GroundedPrompt, picture: Tensor?, into state: Llama.State) throws(ModelError) {
        let next = Array(prompt.ids[..<prompt.headCount])
        if let adapter, let picture {
            // What is read through a picture's prompts serves no other picture.
            state.prompts = adapter.prompts(try adapter.visualQuery(picture), in: language.llama)
            if !next.isEmpty { try language.llama.forward(next, state, logits: .none) }
            return
        }
        if head != next || next.isEmpty {
            head = []
            headState.reset()
            headState.prompts = adapter?.promptsWithoutPicture(in: language.llama)
            if !next.isEmpty { try language.llama.forward(next, headState, logits: .none) }
            head = next
        }
        state.adopt(headState)
    }

    private func prompt(_ task: ExpertTask) throws(ExpertFailure) -> GroundedPrompt {
        let passages = task.inputs("context").filter(\.hasPassage).map {
            GroundedPrompt.Passage(stage: $0.stage, label: $0.passage.label, lines: $0.passage.lines)
        }
        do {
            return try GroundedPrompt(
                system: system, examples: examples(for: passages), question: task.question, passages: passages,
                budgets: budgets, isAlpaca: adapter?.readsAlpaca ?? false, room: capacity - limit, model: language
            )
        } catch {
            throw .badInput("question: too long for \(language.name): \(error)")
        }
    }

    /// The example that is most like the task comes last, where it is followed best. Found text has numbered lines.
    private func examples(for passages: [GroundedPrompt.Passage]) -> [GroundedPrompt.Example] {
        if examples.isEmpty { return [] }
        let hasText = passages.contains { $0.lines.first?.hasPrefix("1. ") ?? false }
        if passages.count > 1 { return hasText ? examples : examples.reversed() }
        return passages.first?.label == Self.textLabel && !hasText ? Self.emptyExamples : []
    }

    private func visual(_ task: ExpertTask, _ adapter: LlamaAdapter) throws(ExpertFailure) -> Tensor? {
        // Without pictures in its adapter it answers from the words, as it does without an adapter.
        guard adapter.readsPictures, !task.inputs("visual").isEmpty else { return nil }
        return try task.features("visual", for: adapter)
    }
}

extension String {
    /// Without white space at both ends.
    fileprivate var trimmed: String {
        let start = drop(while: \.isWhitespace)
        return start.lastIndex { !$0.isWhitespace }.map { String(start[...$0]) } ?? ""
    }
}

extension ExpertTask {
    /// What the adapter reads of the features at a port.
    fileprivate func features(_ port: String, for adapter: LlamaAdapter) throws(ExpertFailure) -> Tensor {
        do {
            for model in models(port) where model.role == "vision" {
                try adapter.check(vision: model.name, fingerprint: model.fingerprint)
            }
        } catch {
            throw .wrongModel("input \"\(port)\": \(error)")
        }
        var parts: [Tensor] = []
        for visual in try tensors(port, LlamaAdapter.featureNames(blocks: adapter.visionBlocks)) {
            let part = Tensor(visual.shape)
            visual.read(into: UnsafeMutableBufferPointer(start: part.data, count: part.count))
            parts.append(part)
        }
        do {
            return try adapter.features(parts)
        } catch {
            throw .badInput("input \"\(port)\": \(error): were they made by another encoder than the adapter's?")
        }
    }
}
