import Checkpoints
import Glibc
import Tensors

// LLaMA-Adapter V2, multimodal, as released (arXiv 2304.15010; OpenGVLab/LLaMA-Adapter, llama_adapter_v2_multimodal7b):
// visual features → clip_proj, norm → [visual_query; features] → visual blocks → first Q tokens → visual_proj, norm
// → added to the adapter_query of each of the last L layers → wk and wv of the layer, without norm, rope or bias.
// Biases, scales and low-rank changes of the linears and norms of its own tune the base; the prompts do not go through
// them.
//
// The paper's own wiring (section 4.3, figure 3; no released file has it): the visual tokens enter the first K layers,
// through the layer's attention norm like the words that they join, with a softmax and gates of their own; the learned
// prompts stay in the last L layers, K + L at most all. Keys are the same; metadata: wiring, early_layers, prompt_len.
//
//   N  visual tokens     C  width of a visual feature     E  width of the visual blocks
//   Q  visual queries    P  learned prompts of a layer    L  layers with learned prompts, K that see the picture early
//   D  width, H heads, F feed-forward width of the LLaMA  r  rank of a low-rank change

/// A visual adapter for a LLaMA: its weights, and what it says about its use.
public struct LlamaAdapter: Sendable {
    public struct Configuration: Sendable, Equatable {
        /// Width of a visual feature, C.
        public var featureWidth: Int
        /// Width, number and heads of the visual blocks.
        public var visualWidth: Int
        public var visualBlocks: Int
        public var visualHeads: Int
        /// Visual queries, Q.
        public var queries: Int
        /// Learned prompts of a layer, P (as released: Q), and the last layers that have them, L.
        public var prompts: Int
        public var layers: Int
        /// The first layers that the picture enters, K: the paper's wiring; as released 0.
        public var earlyLayers: Int
    }

    /// More queries than any adapter has; scratch is made for them.
    static let mostQueries = 256

    public let configuration: Configuration
    /// The file's own words: `prompt`, `stop`, `role`, `image`, `base`, `vision_sha256`, …
    public let facts: [String: String]
    let clipProj: Linear  // [E, C]
    let clipProjNorm: LayerNorm  // [E]
    let visualQuery: Tensor  // [Q, E]
    let blocks: [VisualBlock]
    let visualProj: Linear  // [D, E]
    let visualProjNorm: LayerNorm  // [D]
    let adapterQuery: Tensor  // [L · P, D]
    let injections: [Injection?]  // per layer of the LLaMA
    let tuning: [Tuning]  // per layer of the LLaMA
    let norm: Tensor?  // [D]

    /// How prompts enter one layer.
    struct Injection: Sendable {
        let gate: Tensor  // [1, H, 1, 1]
        let newGate: Tensor?  // [1, 1, 1, 1]: beside tanh(gate), in files with low-rank changes
        /// The first of its learned prompts in `adapterQuery`; nil for visual tokens alone.
        let firstPrompt: Int?
        let readsVisual: Bool
        /// Through the layer's attention norm.
        let isNormed: Bool
    }

    /// What replaces or joins the base's own weights in one layer; nil where the file has nothing.
    struct Tuning: Sendable {
        let attentionNorm: Tensor?  // [D]
        let ffnNorm: Tensor?  // [D]
        let wq, wk, wv, wo, w1, w2, w3: LinearTuning
    }

    struct LinearTuning: Sendable {
        let bias: Tensor?  // [out]
        let scale: Linear.Scale?
        let lowRank: LowRank?
    }

    static let eps: Float = 1e-5

    /// Blocks of the vision transformer, counted from 1, whose features it reads behind the last one's.
    public let visionBlocks: [Int]

    /// What an encoder calls the features of its last block and of these.
    public static func featureNames(blocks: [Int]) -> [String] { ["features"] + blocks.map { "features.\($0)" } }

    /// The features that it reads [N, C], from those of the last block and of `visionBlocks`, all with N rows.
    /// Throws `ModelError.features` for other shapes.
    public func features(_ parts: [Tensor]) throws(ModelError) -> Tensor {
        let rows = parts.first?.rows ?? 0
        let width = parts.reduce(0) { $0 + $1.columns }
        guard rows > 0, parts.allSatisfy({ $0.shape.count == 2 && $0.rows == rows }),
            width == configuration.featureWidth
        else {
            throw .features(
                expected: "[tokens, \(configuration.featureWidth)]",
                found: parts.map { "\($0.shape)" }.joined(separator: ", "))
        }
        return parts.count == 1 ? parts[0] : Tensor(beside: parts)
    }

    /// The adapter in a checkpoint with the official keys, for a base of this configuration.
    ///
    /// Each layer has the norms, biases and low-rank changes that the file has for it. `visualHeads` are the heads of
    /// the visual blocks, which official files do not say: the file's own `v_num_heads` if not given, else 16. Refuses with
    /// `ModelError.wrongBase` a file whose `base_sha256` is not `fingerprint` ("sha256:…", if given), with
    /// `.configuration` sizes and a wiring that cannot be, and with `.weights`, listing every fault, a file whose keys or
    /// shapes are not those of such an adapter.
    public init(
        _ checkpoint: any Checkpoint, base: LlamaConfiguration, fingerprint: String? = nil, visualHeads: Int? = nil
    ) throws(ModelError) {
        facts = checkpoint.metadata.compactMapValues(\.string)
        try Self.check(facts, file: checkpoint.file, fingerprint: fingerprint)
        visionBlocks = try Self.visionBlocks(facts, file: checkpoint.file)
        let w = WeightReader(checkpoint)
        let c = try Self.configuration(w, facts, base, visualHeads)
        configuration = c
        let (E, D) = (c.visualWidth, base.width)
        clipProj = w.linear("clip_proj", E, c.featureWidth)
        clipProjNorm = w.norm("clip_proj_norm", E)
        visualQuery = w.tensor("visual_query.weight", c.queries, E)
        blocks = (0..<c.visualBlocks).map { i in
            let F = w.shape("visual_blocks.\(i).mlp.fc1.weight")?.first ?? 4 * E
            return VisualBlock(
                heads: c.visualHeads, eps: Self.eps,
                norm1: w.norm("visual_blocks.\(i).norm1", E),
                qkv: w.linear("visual_blocks.\(i).attn.qkv", 3 * E, E),
                proj: w.linear("visual_blocks.\(i).attn.proj", E, E),
                norm2: w.norm("visual_blocks.\(i).norm2", E),
                fc1: w.linear("visual_blocks.\(i).mlp.fc1", F, E),
                fc2: w.linear("visual_blocks.\(i).mlp.fc2", E, F))
        }
        visualProj = w.linear("visual_proj", D, E)
        visualProjNorm = w.norm("visual_proj_norm", D)
        adapterQuery = w.tensor("adapter_query.weight", c.layers * c.prompts, D)
        // The official files have the prefix, what is saved of a LLaMA alone does not.
        let llama = checkpoint.names.contains { $0.hasPrefix("llama.") } ? "llama." : ""
        injections = Self.injections(w, c, base, prefix: llama)
        let scale = facts["scale"]
        tuning = (0..<base.layers).map { Tuning(w, "\(llama)layers.\($0).", base, scale: scale) }
        norm = w.tensor(ifPresent: "\(llama)norm.weight", D)
        w.refuseTheRest()
        try w.check()
    }

    /// The visual queries of a picture, [Q, D], from its features [N, C]. Throws `ModelError.features` for another C.
    public func visualQuery(_ features: Tensor) throws(ModelError) -> Tensor {
        let c = configuration
        guard features.shape.count == 2, features.columns == c.featureWidth, features.rows > 0 else {
            throw .features(expected: "[tokens, \(c.featureWidth)]", found: "\(features.shape)")
        }
        let (N, Q, E) = (features.rows, c.queries, c.visualWidth)
        let x = Tensor(Q + N, E)
        let projected = Tensor(N, E)
        clipProj(features, rows: N, into: projected)
        clipProjNorm(projected, rows: N, eps: Self.eps, into: projected)
        x.data.update(from: visualQuery.data, count: Q * E)
        x.row(Q).update(from: projected.data, count: N * E)
        let hidden = blocks.map(\.fc1.weight.rows).max() ?? 0
        let scratch = VisualBlock.Scratch(tokens: Q + N, width: E, hidden: hidden, heads: c.visualHeads)
        for block in blocks { block(x, scratch) }
        let query = Tensor(Q, visualProj.weight.rows)
        visualProj(x, rows: Q, into: query)
        visualProjNorm(query, rows: Q, eps: Self.eps, into: query)
        return query
    }

    /// The prompts of every adapted layer of `model` for a picture's visual query [Q, D]; nil: the learned ones alone.
    public func prompts(_ visualQuery: Tensor?, in model: Llama) -> AdapterPrompts {
        AdapterPrompts(layers: injections.enumerated().map { i, injection in
            injection.flatMap { prompts(visualQuery, model, i, $0) }
        })
    }

    /// What acts where there is no picture: nil as released, where prompts come with a picture or not at all; the late
    /// prompts in the paper's wiring.
    public func promptsWithoutPicture(in model: Llama) -> AdapterPrompts? {
        configuration.earlyLayers > 0 ? prompts(nil, in: model) : nil
    }

    private func prompts(_ visual: Tensor?, _ model: Llama, _ i: Int, _ injection: Injection) -> AdapterPrompts.Layer? {
        let (layer, c) = (model.layers[i], model.configuration)
        let count = injection.firstPrompt == nil ? configuration.queries : configuration.prompts
        if injection.firstPrompt == nil, visual == nil { return nil }
        let prompt = Tensor(count, c.width)
        if let first = injection.firstPrompt { prompt.data.update(from: adapterQuery.row(first), count: prompt.count) }
        if injection.readsVisual, let visual { Math.add(prompt, visual, into: prompt) }
        if injection.isNormed {
            Math.rmsNorm(prompt, weight: layer.attentionNorm, eps: c.normEps, into: prompt)
        }
        let (keys, values) = (Tensor(count, c.kvWidth), Tensor(count, c.kvWidth))
        Math.linears(prompt, [(layer.wk.weight, nil, keys), (layer.wv.weight, nil, values)])
        // The released code leaves it out for a single prompt, where it needs no softmax.
        let newGate = count > 1 ? injection.newGate?.data[0] ?? 1 : 1
        return AdapterPrompts.Layer(
            keys: keys, values: values, factors: injection.gate.array.map { tanhf($0) * newGate })
    }
}

extension Llama {
    /// The same model with the adapter's norms, biases and low-rank changes. The mapped weights are shared.
    public func adapted(by adapter: LlamaAdapter) -> Llama {
        var model = self
        model.norm = adapter.norm ?? norm
        for (i, tuning) in adapter.tuning.enumerated() {
            model.layers[i].attentionNorm = tuning.attentionNorm ?? layers[i].attentionNorm
            model.layers[i].ffnNorm = tuning.ffnNorm ?? layers[i].ffnNorm
            model.layers[i].wq.tune(tuning.wq)
            model.layers[i].wk.tune(tuning.wk)
            model.layers[i].wv.tune(tuning.wv)
            model.layers[i].wo.tune(tuning.wo)
            model.layers[i].w1.tune(tuning.w1)
            model.layers[i].w2.tune(tuning.w2)
            model.layers[i].w3.tune(tuning.w3)
        }
        return model
    }
}

extension Linear {
    /// Takes what an adapter has for it.
    fileprivate mutating func tune(_ tuning: LlamaAdapter.LinearTuning) {
        (bias, scale, lowRank) = (tuning.bias, tuning.scale, tuning.lowRank)
    }
}
