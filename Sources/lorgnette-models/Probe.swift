import ArgumentParser
import Checkpoints
import Models
import Pictures
import Tensors

struct Probe: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the models without workers and writes what they computed to a safetensors file.",
        discussion: """
            Written are tokens [T] int32, logits [T, vocabulary] and greedy [N] int32; with an image pixels [3, H, W], \
            visual_features [N, D] and, with an adapter, visual_query [Q, width]; with --layers hidden.0 (embeddings) to \
            hidden.L and final_norm (the last norm's) [T, width], and of a picture visual_hidden.0 to visual_hidden.L.
            """)

    @Option(help: "A GGUF file, a folder as LLaMA was released, or a folder of Hugging Face's.") var language: String?
    @Option(help: "A LLaMA-Adapter (V1, V2 dialog, V2 multimodal) in a safetensors or PyTorch file.")
    var adapter: String?
    @Option(
        help: """
            Heads of the adapter's visual blocks, where they are not the released 16 and neither its file nor hparams.json \
            beside it says so.
            """)

    var visualHeads: Int?
    @Option(
        help: """
            Prompts of a layer of a V1 adapter, where its file, its name and hparams.json beside it do not say them and \
            they are not 10.
            """)

    var promptLength: Int?
    @Option(help: "How its gates act: tanh, or raw, which released V1 files answer with.")
    var gating: LlamaAdapter.Gating?
    @Option(
        help:
            "An ONNX file with a DINOv2 backbone, OpenAI's CLIP as a PyTorch file, or a folder of Hugging Face's with either."
    )
    var vision: String?
    @Option(help: "A picture.") var image: String?
    @Option(
        help: """
            Text to read, without a chat format; special tokens in it are recognised. The begin of sequence comes \
            before it, where the model wants that.
            """)
    var prompt: String?
    @Option(help: "Token ids to read, separated by commas.") var tokens: String?
    @Option(help: "Then write so many tokens, always the likeliest.") var greedy = 0
    @Flag(help: "Keep the hidden states.") var layers = false
    @Option(help: "The file to write.") var out: String

    func validate() throws {
        if language == nil && vision == nil { throw ValidationError("nothing to run: give --language or --vision") }
        if language != nil && (prompt == nil) == (tokens == nil) {
            throw ValidationError("give --prompt or --tokens, one of them")
        }
        if adapter == nil && (promptLength != nil || gating != nil || visualHeads != nil) {
            throw ValidationError("--visual-heads, --prompt-length and --gating need an --adapter")
        }
        if adapter != nil && language == nil { throw ValidationError("--adapter needs the --language it was made for") }
        if (vision == nil) != (image == nil) { throw ValidationError("--vision and --image belong together") }
        if greedy < 0 { throw ValidationError("--greedy: expected 0 or more, found \(greedy)") }
    }

    func run() throws {
        var file = SafetensorsWriter()
        if let language {
            let base = try LanguageModel(path: ModelsFolder.resolve(language))
            let adapter = try adapter(of: base)
            let features = try see(for: adapter, &file)
            try read(base, adapter, features, &file)
        } else {
            _ = try see(for: nil, &file)
        }
        try file.write(to: out)
    }

    private func adapter(of base: LanguageModel) throws -> LlamaAdapter? {
        guard let adapter else { return nil }
        let made = try base.adapter(
            path: ModelsFolder.resolve(adapter), visualHeads: visualHeads, promptLength: promptLength, gating: gating)
        if made.family != .v1, promptLength != nil {
            throw ProbeFault("--prompt-length: expected a LLaMA-Adapter V1, found a \(made.family.rawValue)")
        }
        if made.configuration.layers == 0, gating != nil {
            throw ProbeFault("--gating: expected an adapter with gates, found a \(made.family.rawValue)")
        }
        return made
    }

    /// What the adapter reads of the picture's features, or the last block's if there is none.
    private func see(for adapter: LlamaAdapter?, _ file: inout SafetensorsWriter) throws -> Tensor? {
        guard let vision, let image else { return nil }
        let path = ModelsFolder.resolve(vision)
        if let adapter, adapter.namesVision {
            try adapter.check(vision: path.fileName, fingerprint: VisionTransformer.fingerprint(of: path))
        }
        let encoder = try VisionTransformer(path: path)
        let pixels = try encoder.pixels(of: Picture.load(path: image))
        var hidden: [Tensor] = []
        let parts = try encoder.forward(pixels, with: adapter?.visionBlocks ?? []) { _, x in
            if layers { hidden.append(Tensor(x.array, x.shape)) }
        }
        file.add("pixels", pixels)
        file.add("visual_features", parts[0])
        for (i, states) in hidden.enumerated() { file.add("visual_hidden.\(i)", states) }
        return try adapter?.features(parts) ?? parts[0]
    }

    private func read(
        _ base: LanguageModel, _ adapter: LlamaAdapter?, _ features: Tensor?, _ file: inout SafetensorsWriter
    ) throws {
        let model = adapter.map { base.adapted(by: $0) } ?? base
        let ids = try tokens.map(Self.ids) ?? model.begin + model.tokenizer.encode(prompt ?? "", special: true)
        guard !ids.isEmpty else { throw ProbeFault("--prompt: expected text, found none") }
        let state = try Llama.State(model.llama, capacity: ids.count + greedy)
        if let adapter {
            let query = try features.map { try adapter.visualQuery($0) }
            if let query { file.add("visual_query", query) }
            state.prompts = adapter.prompts(query, in: model.llama)
        }
        var hidden: [Tensor] = []
        let c = model.llama.configuration
        if layers { hidden = (0...c.layers).map { _ in Tensor(ids.count, c.width) } }
        let logits = try model.llama.forward(ids, state, logits: .all) { i, x, rows, position in
            if layers { hidden[i].row(position).update(from: x.data, count: rows * x.columns) }
        }
        file.add("tokens", ids)
        file.add("logits", logits)
        for (i, states) in hidden.enumerated() { file.add("hidden.\(i)", states) }
        if let last = hidden.last {
            let normed = Tensor(ids.count, c.width)
            Math.rmsNorm(last, weight: model.llama.outputNorm, eps: c.normEps, into: normed)
            file.add("final_norm", normed)
        }
        if greedy > 0 {
            // The released code of V1 and dialog writes on behind the end of the text and cuts it off afterwards.
            let stop = adapter.map(\.readsPictures) ?? true ? model.tokenizer.eos : []
            file.add("greedy", try go(on: logits.row(ids.count - 1), until: stop, model, state))
        }
    }

    /// The likeliest tokens after the last row of logits, up to and with the first of `stop`.
    private func go(
        on row: UnsafeMutablePointer<Float>, until stop: Set<Int>, _ model: LanguageModel, _ state: Llama.State
    ) throws -> [Int] {
        var best = Self.best(row, model)
        var ids = [best]
        while ids.count < greedy, !stop.contains(best) {
            best = Self.best(try model.llama.forward([best], state).data, model)
            ids.append(best)
        }
        return ids
    }

    private static func best(_ row: UnsafeMutablePointer<Float>, _ model: LanguageModel) -> Int {
        (1..<model.llama.configuration.vocabulary).reduce(0) { row[$1] > row[$0] ? $1 : $0 }
    }

    private static func ids(_ list: String) throws -> [Int] {
        try list.split(separator: ",", omittingEmptySubsequences: false).map {
            guard let id = Int($0.filter { $0 != " " }) else {
                throw ProbeFault("--tokens: expected numbers separated by commas, found \"\($0)\"")
            }
            return id
        }
    }
}

extension LlamaAdapter.Gating: ExpressibleByArgument {}

/// A fault in what was asked for.
struct ProbeFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
