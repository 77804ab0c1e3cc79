import Checkpoints
import ExpertKit
import Models
import Tensors
import Wire

/// Says in one sentence what a picture shows: a language model with a visual adapter.
final class CaptionerExpert: Expert {
    static let description = ExpertDescription(
        service: "captioner", software: "lorgnette-captioner 0.1.0",
        about: "Writes one sentence about what a picture shows.",
        inputs: [.tensor("visual")], outputs: [.text("caption")],
        options: [
            .string(
                "language", default: "SmolLM2-135M-Instruct.Q4_1.gguf",
                "A LLaMA: a GGUF file, or a folder as LLaMA or Hugging Face released it; a path, or a name in the models folder."
            ),
            .string(
                "adapter",
                "LLaMA-Adapter V2 made for that language model: a path, or a name in the models folder. Without: the one that ships with Lorgnette."
            ),
            .integer("max_tokens", default: 32, in: 1...512, "The longest caption."),
            .integer(
                "batch", default: 8, in: 1...8,
                "Captions written at the same time; each is what it would be alone. Fewer where memory for them is scarce."),
        ], concurrency: 8)

    private let language: LanguageModel
    private let adapter: LlamaAdapter
    private let prompt: [Int]
    private let stop: Set<Int>
    private let limit: Int
    private let batch: DecodingBatch
    let models: [ExpertModel]
    private let facts: [String: String]

    init(options: ExpertOptions) throws {
        let path = try DataFolder.model(options.string("language"))
        let adapterPath =
            options.isGiven("adapter")
            ? try DataFolder.model(options.string("adapter")) : try DataFolder.bundled("captioner.safetensors")
        limit = try options.int("max_tokens")
        do {
            let base = try LanguageModel(path: path)
            adapter = try base.adapter(path: adapterPath)
            guard adapter.readsPictures else {
                throw ModelError.configuration(
                    file: adapterPath, key: "clip_proj.weight", expected: "an adapter that reads pictures",
                    found: "a \(adapter.family.rawValue)")
            }
            language = base.adapted(by: adapter)
            prompt = try language.picturePrompt(of: adapter)
            stop = language.tokenizer.eos.union(
                adapter.facts["stop"].flatMap(language.tokenizer.id(of:)).map { [$0] } ?? [])
            batch = try DecodingBatch(
                language.llama, capacity: prompt.count + limit, most: try options.int("batch"))
            models = [
                ExpertModel(role: "language", name: language.name, fingerprint: language.fingerprint),
                ExpertModel(
                    role: "adapter", name: adapterPath.split(separator: "/").last.map(String.init) ?? adapterPath,
                    fingerprint: try Fingerprint.sha256(of: adapterPath)),
            ]
            facts =
                base.isConvertedBase(of: adapter)
                ? ["base": "\(base.name) was converted from the model that the adapter was made for"] : [:]
        } catch {
            throw ExpertFailure.wrongModel("\(error)")
        }
    }

    var credit: Int { batch.most }

    func warmUp() throws {
        _ = try caption(Tensor(1, adapter.configuration.featureWidth), limit: 2) { _ in }
    }

    func answer(_ task: ExpertTask) throws -> ExpertAnswer {
        let features = try task.features("visual", for: adapter)
        let generation = try caption(features, limit: limit) { text in
            try task.checkCancelled()
            if !text.isEmpty { task.report(text: text) }
        }
        var answer = ExpertAnswer(text: String(generation.text.trimmingPrefix { $0 == " " }))
        answer.facts = facts
        answer.generation = .with {
            $0.tokens = UInt32(generation.ids.count)
            $0.finish = generation.finish.rawValue
            $0.promptTokens = UInt32(prompt.count)
            $0.used = task.inputs("visual").map(\.stage)
        }
        return answer
    }

    private func caption(_ features: Tensor, limit: Int, each: (String) throws -> Void) throws
        -> LanguageModel.Generation
    {
        try batch.withState { state in
            try batch.alone {
                state.prompts = adapter.prompts(try adapter.visualQuery(features), in: language.llama)
            }
            var sampler = try Sampler(temperature: 0)
            return try language.generate(
                after: prompt, in: state, of: batch, limit: limit, stop: stop, sampler: &sampler, each: each)
        }
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
