import Checkpoints
import Glibc
import Tensors

// LLaMA-Adapter (OpenGVLab/LLaMA-Adapter): a frozen LLaMA reads learned prompts through zero-init gates, and trained
// biases, scales, low-rank changes and norms of its own tune it. The released generations have some of these each; what
// they are is in LlamaAdapter+family, the picture's way in LlamaAdapter+visual, the keys in LlamaAdapter+layout.
//
// In a layer with prompts a [P, D], every head h adds to what it read from the words
//     f_h · softmax(q · (wk a)ᵀ / √d) · (wv a),    f_h = tanh(gate_h) · new_gate; in V1 as released gate_h itself
// with a softmax of its own; the prompts pass neither norm nor rope, and no bias, scale or low-rank change.
//
// As released V2 adds a picture's visual queries to the learned prompts of each of the last L layers.
//
// V1 with pictures (arXiv 2303.16199, section 3.3; no released file has it): one vector of the picture's global features
// is added to every learned prompt of the last L layers.
//
// The paper's own wiring (arXiv 2304.15010, section 4.3, figure 3; no released file has it): the visual tokens enter
// the first K layers, through the layer's attention norm like the words that they join, with a softmax and gates of
// their own; the learned prompts stay in the last L layers, K + L at most all. Keys are the same; metadata: wiring,
// early_layers, prompt_len.
//
//   P  learned prompts of a layer    L  layers with learned prompts, K that see the picture early
//   D  width, H heads, F feed-forward width of the LLaMA    r  rank of a low-rank change

/// An adapter for a LLaMA: its weights, and what it says about its use.
public struct LlamaAdapter: Sendable {
    /// Its sizes; those of the visual part are 0 in an adapter that reads no pictures, those of the prompts in one that
    /// has none.
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

    /// More queries, or prompts of a layer, than any adapter has; scratch is made for them.
    static let mostQueries = 256

    public let family: Family
    public let configuration: Configuration
    /// The file's own words: `prompt`, `stop`, `role`, `image`, `base`, `vision_sha256`, …
    public let facts: [String: String]
    /// How gates act.
    public let gating: Gating
    let visual: Visual?
    /// V1's way to a picture.
    let globalProj: Linear?  // [D, C]
    let adapterQuery: Tensor?  // [L · P, D]
    let injections: [Injection?]  // per layer of the LLaMA
    let tuning: [Tuning]  // per layer of the LLaMA
    let norm: Tensor?  // [D]

    /// How prompts enter one layer.
    struct Injection: Sendable {
        let gate: Tensor  // [1, H, 1, 1]
        let newGate: Tensor?  // [1, 1, 1, 1]: beside the gates, in V2 files with low-rank changes
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

    /// Blocks of the vision transformer, counted from 1, whose features it reads behind the last one's.
    public let visionBlocks: [Int]

    /// The adapter in a checkpoint with the keys of its family, for a base of this configuration.
    ///
    /// Official files do not say everything. `visualHeads` are the heads of the visual blocks: the file's own
    /// `v_num_heads` if not given, else 16. `promptLength` are the learned prompts of a layer of V1: the file's own
    /// `prompt_len` or what its name says if not given, else 10. `gating`: see `Gating`.
    ///
    /// Refuses with `ModelError.wrongBase` a file whose `base_sha256` is not `fingerprint` ("sha256:…", if given), with
    /// `.configuration` sizes and a wiring that cannot be, and with `.weights`, listing every fault, a file whose keys
    /// or shapes are not those of such an adapter for such a base.
    public init(
        _ checkpoint: any Checkpoint, base: LlamaConfiguration, fingerprint: String? = nil, visualHeads: Int? = nil,
        promptLength: Int? = nil, gating: Gating? = nil
    ) throws(ModelError) {
        facts = checkpoint.metadata.compactMapValues(\.string)
        try Self.check(facts, file: checkpoint.file, fingerprint: fingerprint)
        visionBlocks = try Self.visionBlocks(facts, file: checkpoint.file)
        let w = WeightReader(checkpoint)
        let family = try Family(of: checkpoint)
        let c =
            switch family {
            case .v1: try Self.configuration(v1: w, facts, base, promptLength)
            case .v2Dialog: Configuration(withoutPictures: 0, layers: 0)
            case .v2Multimodal: try Self.configuration(multimodal: w, facts, base, visualHeads)
            }
        (self.family, configuration) = (family, c)
        self.gating = gating ?? Gating(facts, family)
        visual = c.visualWidth > 0 ? Visual(w, c, width: base.width) : nil
        globalProj = family == .v1 && c.featureWidth > 0 ? w.linear("global_proj", base.width, c.featureWidth) : nil
        adapterQuery = c.layers > 0 ? w.tensor("adapter_query.weight", c.layers * c.prompts, base.width) : nil
        // The multimodal files have the prefix, what is saved of a LLaMA alone does not.
        let llama = checkpoint.names.contains { $0.hasPrefix("llama.") } ? "llama." : ""
        injections = Self.injections(w, c, base, prefix: llama)
        let layout = TuningLayout(checkpoint.names, facts)
        tuning = (0..<base.layers).map { Tuning(w, "\(llama)layers.\($0).", base, layout) }
        norm = w.tensor(ifPresent: "\(llama)norm.weight", base.width)
        w.refuseTheRest()
        try w.check()
    }

    /// The prompts of every adapted layer of `model` for a picture's visual query [Q, D]; nil: the learned ones alone.
    public func prompts(_ visualQuery: Tensor?, in model: Llama) -> AdapterPrompts {
        AdapterPrompts(
            layers: injections.enumerated().map { i, injection in
                injection.flatMap { prompts(visualQuery, model, i, $0) }
            })
    }

    /// What acts where there is no picture: all prompts of an adapter that reads none, and the late ones in the paper's
    /// wiring; nil for V2 as released, where prompts come with a picture or not at all.
    public func promptsWithoutPicture(in model: Llama) -> AdapterPrompts? {
        visual == nil || configuration.earlyLayers > 0 ? prompts(nil, in: model) : nil
    }

    private func prompts(_ visual: Tensor?, _ model: Llama, _ i: Int, _ injection: Injection) -> AdapterPrompts.Layer? {
        let (layer, c) = (model.layers[i], model.configuration)
        let count = injection.firstPrompt == nil ? configuration.queries : configuration.prompts
        if injection.firstPrompt == nil, visual == nil { return nil }
        let prompt = Tensor(count, c.width)
        if let first = injection.firstPrompt, let adapterQuery {
            prompt.data.update(from: adapterQuery.row(first), count: prompt.count)
        }
        if injection.readsVisual, let visual {
            if globalProj != nil {
                for row in 0..<count { Math.axpy(1, visual.data, prompt.row(row), c.width) }
            } else {
                Math.add(prompt, visual, into: prompt)
            }
        }
        if injection.isNormed {
            Math.rmsNorm(prompt, weight: layer.attentionNorm, eps: c.normEps, into: prompt)
        }
        let (keys, values) = (Tensor(count, c.kvWidth), Tensor(count, c.kvWidth))
        Math.linears(prompt, [(layer.wk.weight, nil, keys), (layer.wv.weight, nil, values)])
        // The released code leaves it out for a single prompt, where it needs no softmax.
        let newGate = count > 1 ? injection.newGate?.data[0] ?? 1 : 1
        return AdapterPrompts.Layer(
            keys: keys, values: values,
            factors: injection.gate.array.map { (gating == .raw ? $0 : tanhf($0)) * newGate })
    }
}

extension Llama {
    /// The same model with the adapter's norms, biases, scales and low-rank changes. The mapped weights are shared.
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
