import Checkpoints
import Glibc
import Tensors

// LLaMA-Adapter V2, multimodal, as released (arXiv 2304.15010; OpenGVLab/LLaMA-Adapter, llama_adapter_v2_multimodal7b):
// visual features → clip_proj, norm → [visual_query; features] → visual blocks → first Q tokens → visual_proj, norm
// → added to the adapter_query of each of the last L layers → wk and wv of the layer, without norm, rope or bias.
// Biases on wq, wo, w1, w2, w3, low-rank changes of all seven and norms of its own tune the base; the prompts do not
// go through biases and low-rank changes.
//
//   N  visual tokens     C  width of a visual feature     E  width of the visual blocks
//   Q  visual queries    L  layers with prompts           D  width, H heads, F feed-forward width of the LLaMA
//   r  rank of a low-rank change

/// A visual adapter for a LLaMA: its weights, and what it says about its use.
public struct LlamaAdapter: Sendable {
    public struct Configuration: Sendable, Equatable {
        /// Width of a visual feature, C.
        public var featureWidth: Int
        /// Width, number and heads of the visual blocks.
        public var visualWidth: Int
        public var visualBlocks: Int
        public var visualHeads: Int
        /// Visual queries, Q, and layers that they enter, L.
        public var queries: Int
        public var layers: Int
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
    let adapterQuery: Tensor  // [L · Q, D]
    let gates: [Tensor]  // per adapted layer [1, H, 1, 1]
    let newGates: [Tensor?]  // per adapted layer [1, 1, 1, 1]: beside tanh(gate), in files with low-rank changes
    let tuning: [Tuning]  // per layer of the LLaMA
    let norm: Tensor?  // [D]

    /// What replaces or joins the base's own weights in one layer; nil where the file has nothing.
    struct Tuning: Sendable {
        let attentionNorm: Tensor?  // [D]
        let wq: Tensor?  // [H d]
        let wo: Tensor?  // [D]
        let ffnNorm: Tensor?  // [D]
        let w1: Tensor?  // [F]
        let w2: Tensor?  // [D]
        let w3: Tensor?  // [F]
        let lowRank: LowRanks
    }

    /// Low-rank changes of a layer's weights, each [in] → r → [out].
    struct LowRanks: Sendable {
        let wq: LowRank?
        let wk: LowRank?
        let wv: LowRank?
        let wo: LowRank?
        let w1: LowRank?
        let w2: LowRank?
        let w3: LowRank?
    }

    private static let eps: Float = 1e-5

    /// The adapter in a checkpoint with the official keys, for a base of this configuration.
    ///
    /// Each layer has the norms, biases and low-rank changes that the file has for it. `visualHeads` are the heads of
    /// the visual blocks, which official files do not say: the file's own `v_num_heads` if not given, else 16. Refuses with `ModelError.wrongBase` a file whose `base_sha256` is not `fingerprint` ("sha256:…", if given), with
    /// `.configuration` a wiring that is not `released`, and with `.weights`, listing every fault, a file whose keys or
    /// shapes are not those of such an adapter.
    public init(
        _ checkpoint: any Checkpoint, base: LlamaConfiguration, fingerprint: String? = nil, visualHeads: Int? = nil
    ) throws(ModelError) {
        facts = checkpoint.metadata.compactMapValues(\.string)
        try Self.check(facts, file: checkpoint.file, fingerprint: fingerprint)
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
        adapterQuery = w.tensor("adapter_query.weight", c.layers * c.queries, D)
        // The official files have the prefix, what is saved of a LLaMA alone does not.
        let llama = checkpoint.names.contains { $0.hasPrefix("llama.") } ? "llama." : ""
        let firstAdapted = base.layers - c.layers
        func gate(_ i: Int, _ name: String) -> String { "\(llama)layers.\(i).attention.\(name)" }
        gates = (firstAdapted..<base.layers).map { w.tensor(gate($0, "gate"), 1, base.heads, 1, 1) }
        newGates = (firstAdapted..<base.layers).map { w.tensor(ifPresent: gate($0, "new_gate"), 1, 1, 1, 1) }
        for i in 0..<firstAdapted {
            for name in ["gate", "new_gate"] { w.ignore(gate(i, name)) }
        }
        tuning = (0..<base.layers).map { Tuning(w, "\(llama)layers.\($0).", base) }
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

    /// The prompts of every adapted layer of `model` for a picture's visual query [Q, D]; nil: as without a picture.
    public func prompts(_ visualQuery: Tensor?, in model: Llama) -> AdapterPrompts {
        let c = configuration
        let (D, first) = (adapterQuery.columns, model.configuration.layers - c.layers)
        let prompt = Tensor(c.queries, D)
        let layers = (0..<c.layers).map { i in
            prompt.data.update(from: adapterQuery.row(i * c.queries), count: c.queries * D)
            if let visualQuery { Math.add(prompt, visualQuery, into: prompt) }
            let keys = Tensor(c.queries, model.configuration.kvWidth)
            let values = Tensor(c.queries, model.configuration.kvWidth)
            Math.linears(
                prompt,
                [
                    (model.layers[first + i].wk.weight, nil, keys), (model.layers[first + i].wv.weight, nil, values),
                ])
            // The released code leaves it out for a single prompt, where it needs no softmax.
            let newGate = c.queries > 1 ? newGates[i]?.data[0] ?? 1 : 1
            return AdapterPrompts.Layer(
                keys: keys, values: values, factors: gates[i].array.map { tanhf($0) * newGate })
        }
        return AdapterPrompts(first: first, layers: layers)
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
            model.layers[i].wq.bias = tuning.wq
            model.layers[i].wo.bias = tuning.wo
            model.layers[i].w1.bias = tuning.w1
            model.layers[i].w2.bias = tuning.w2
            model.layers[i].w3.bias = tuning.w3
            model.layers[i].wq.lowRank = tuning.lowRank.wq
            model.layers[i].wk.lowRank = tuning.lowRank.wk
            model.layers[i].wv.lowRank = tuning.lowRank.wv
            model.layers[i].wo.lowRank = tuning.lowRank.wo
            model.layers[i].w1.lowRank = tuning.lowRank.w1
            model.layers[i].w2.lowRank = tuning.lowRank.w2
            model.layers[i].w3.lowRank = tuning.lowRank.w3
        }
        return model
    }
}

extension LlamaAdapter.Tuning {
    /// What the file has under `prefix`, the layer's.
    fileprivate init(_ w: WeightReader, _ prefix: String, _ c: LlamaConfiguration) {
        let (D, F) = (c.width, c.hidden)
        attentionNorm = w.tensor(ifPresent: prefix + "attention_norm.weight", D)
        wq = w.tensor(ifPresent: prefix + "attention.wq.bias", c.queryWidth)
        wo = w.tensor(ifPresent: prefix + "attention.wo.bias", D)
        ffnNorm = w.tensor(ifPresent: prefix + "ffn_norm.weight", D)
        w1 = w.tensor(ifPresent: prefix + "feed_forward.w1.bias", F)
        w2 = w.tensor(ifPresent: prefix + "feed_forward.w2.bias", D)
        w3 = w.tensor(ifPresent: prefix + "feed_forward.w3.bias", F)
        lowRank = LlamaAdapter.LowRanks(
            wq: w.lowRank(prefix + "attention.lora_wq", c.queryWidth, D),
            wk: w.lowRank(prefix + "attention.lora_wk", c.kvWidth, D),
            wv: w.lowRank(prefix + "attention.lora_wv", c.kvWidth, D),
            wo: w.lowRank(prefix + "attention.lora_wo", D, c.queryWidth),
            w1: w.lowRank(prefix + "feed_forward.lora_w1", F, D),
            w2: w.lowRank(prefix + "feed_forward.lora_w2", D, F),
            w3: w.lowRank(prefix + "feed_forward.lora_w3", F, D))
    }
}

extension WeightReader {
    /// `prefix`_l1.weight [rank, columns] and `prefix`_l2.weight [rows, rank]; nil if the file has neither.
    fileprivate func lowRank(_ prefix: String, _ rows: Int, _ columns: Int) -> LowRank? {
        let (down, up) = (prefix + "_l1.weight", prefix + "_l2.weight")
        guard has(down) || has(up) else { return nil }
        // The rank is whatever the file has, as long as both have the same.
        let rank = max(1, shape(down)?.first ?? 1)
        return LowRank(down: tensor(down, rank, columns), up: tensor(up, rows, rank))
    }
}

// Sizes and facts

extension LlamaAdapter {
    private static func check(_ facts: [String: String], file: String, fingerprint: String?) throws(ModelError) {
        if let wiring = facts["wiring"], wiring != "released" {
            throw .configuration(file: file, key: "wiring", expected: "released", found: wiring)
        }
        if let eps = facts["layer_norm_eps"], Float(eps) != Self.eps {
            throw .configuration(file: file, key: "layer_norm_eps", expected: "\(Self.eps)", found: eps)
        }
        if let made = facts["base_sha256"], let fingerprint, "sha256:" + made != fingerprint {
            let name = facts["base"].map { $0 + " " } ?? ""
            throw .wrongBase(adapter: file, expected: "\(name)(sha256:\(made))", found: fingerprint)
        }
    }

    /// The sizes that the shapes imply; heads of the visual blocks are not in the shapes (official files have 16).
    private static func configuration(
        _ w: WeightReader, _ facts: [String: String], _ base: LlamaConfiguration, _ visualHeads: Int?
    ) throws(ModelError) -> Configuration {
        func fault(_ key: String, _ expected: String, _ found: String) -> ModelError {
            .configuration(file: w.checkpoint.file, key: key, expected: expected, found: found)
        }
        func sizes(_ key: String) throws(ModelError) -> (Int, Int) {
            guard let shape = w.shape(key), shape.count == 2, shape.allSatisfy({ $0 > 0 }) else {
                throw fault(
                    key, "a tensor of two dimensions (is this a LLaMA-Adapter V2?)",
                    w.shape(key).map { "\($0)" } ?? "none")
            }
            return (shape[0], shape[1])
        }
        let (queries, visualWidth) = try sizes("visual_query.weight")
        let (_, featureWidth) = try sizes("clip_proj.weight")
        let (rows, _) = try sizes("adapter_query.weight")
        guard queries <= mostQueries else {
            throw fault("visual_query.weight", "at most \(mostQueries) rows", "\(queries)")
        }
        guard rows % queries == 0, rows / queries <= base.layers else {
            throw fault(
                "adapter_query.weight", "\(queries) rows for each of at most \(base.layers) layers", "\(rows) rows")
        }
        let heads = visualHeads ?? facts["v_num_heads"].map { Int($0) ?? 0 } ?? 16
        guard heads > 0, visualWidth % heads == 0 else {
            let stated = visualHeads.map { "\($0)" } ?? facts["v_num_heads"]
            throw fault("v_num_heads", "a divisor of \(visualWidth)", stated ?? "none (16 assumed)")
        }
        var blocks = 0
        while w.has("visual_blocks.\(blocks).norm1.weight") { blocks += 1 }
        return Configuration(
            featureWidth: featureWidth, visualWidth: visualWidth, visualBlocks: blocks, visualHeads: heads,
            queries: queries, layers: rows / queries)
    }
}
