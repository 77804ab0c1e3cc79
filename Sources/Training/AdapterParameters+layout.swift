import Tensors

// The keys of the official V2 multimodal files, which are also ours; see Models/LlamaAdapter.swift.

extension AdapterParameters {
    /// The visual projection for a model of this width. The last norm starts small: visual tokens enter wk and wv
    /// without the norm that those weights were trained behind, and of unit size they would saturate the softmax.
    mutating func projection(_ plan: AdapterPlan.Visual, width D: Int, outputScale: Float) -> VisualProjection {
        let (E, F) = (plan.width, plan.width * plan.ratio)
        let clipProj = linear("clip_proj", E, plan.featureWidth)
        let clipProjNorm = norm("clip_proj_norm", E)
        let visualQuery = take("visual_query.weight", [plan.queries, E], .projection, .visual, .normal(1))
        let blocks = (0..<plan.blocks).map { i in
            let at = "visual_blocks.\(i)."
            return TrainedBlock(
                norm1: norm(at + "norm1", E), qkv: linear(at + "attn.qkv", 3 * E, E),
                proj: linear(at + "attn.proj", E, E), norm2: norm(at + "norm2", E), fc1: linear(at + "mlp.fc1", F, E),
                fc2: linear(at + "mlp.fc2", E, F), heads: plan.heads)
        }
        return VisualProjection(
            clipProj: clipProj, clipProjNorm: clipProjNorm, visualQuery: visualQuery, blocks: blocks,
            visualProj: linear("visual_proj", D, E), visualProjNorm: norm("visual_proj_norm", D, outputScale))
    }

    /// Learned prompts and gates.
    mutating func prompts(_ plan: AdapterPlan, _ layers: [TunedLayer]) {
        guard let first = layers.first else { return }
        let (D, H, N) = (first.wq.inputs, first.heads, layers.count)
        let isReleased = plan.wiring == .released
        let promptGroup: ParameterGroup = isReleased && plan.visual != nil ? .visual : .tuning
        var query: Parameter?
        if plan.promptLayers > 0 {
            query = take(
                "adapter_query.weight", [plan.promptLayers * plan.prompts, D], .prompt, promptGroup,
                .normal(plan.promptScale))
        }
        for i in 0..<N {
            let late = i - (N - plan.promptLayers)
            let isEarly = i < plan.earlyLayers
            guard isEarly || late >= 0 else { continue }
            let group: ParameterGroup = isEarly ? .visual : promptGroup
            let at = "llama.layers.\(i).attention."
            let gate = take(at + "gate", [1, H, 1, 1], .gate, group, .constant(plan.gate))
            let newGate = plan.newGates ? take(at + "new_gate", [1, 1, 1, 1], .gate, group, .ones) : nil
            layers[i].prompted = PromptedLayer(
                gate: gate, newGate: newGate, query: isEarly ? nil : query, firstRow: max(0, late) * plan.prompts,
                count: isEarly ? plan.visualTokens : plan.prompts,
                readsVisual: isEarly || (isReleased && plan.visual != nil), isNormed: isEarly)
        }
    }

    /// Norms, biases, scales and LoRA of the last layers. The official files tune wq, wo, w1, w2 and w3 by biases, and
    /// all seven linears by LoRA and (dialog) by scales and biases.
    mutating func tuning(_ plan: AdapterPlan, _ layers: [TunedLayer]) {
        for i in max(0, layers.count - plan.tunedLayers)..<layers.count {
            let layer = layers[i]
            let at = "llama.layers.\(i)."
            if plan.norms {
                let base = (layer.attentionNorm.base, layer.ffnNorm.base)
                layer.attentionNorm.parameter = take(
                    at + "attention_norm.weight", [base.0.count], .norm, .tuning, .copy(base.0))
                layer.ffnNorm.parameter = take(at + "ffn_norm.weight", [base.1.count], .norm, .tuning, .copy(base.1))
            }
            let biased = plan.scale == nil ? Self.biased : Set(Self.linears)
            for (name, linear) in zip(Self.linears, layer.linears) {
                let key = at + name
                if plan.biases, biased.contains(name) {
                    linear.bias = take(key + ".bias", [linear.outputs], .bias, .tuning, .zeros)
                }
                if let scale = plan.scale {
                    let count = scale == .output ? linear.outputs : linear.inputs
                    let parameter = take(key + ".scale", [count], .scale, .tuning, .ones)
                    if scale == .output { linear.outputScale = parameter } else { linear.inputScale = parameter }
                }
                guard plan.rank > 0 else { continue }
                let low = at + name.named("lora_")
                linear.loraA = take(
                    low + "_l1.weight", [plan.rank, linear.inputs], .lora, .tuning,
                    .normal(1 / Float(3 * linear.inputs).squareRoot()))
                linear.loraB = take(low + "_l2.weight", [linear.outputs, plan.rank], .lora, .tuning, .zeros)
            }
        }
    }

    private static let linears = [
        "attention.wq", "attention.wk", "attention.wv", "attention.wo", "feed_forward.w1", "feed_forward.w2",
        "feed_forward.w3",
    ]
    private static let biased: Set = [
        "attention.wq", "attention.wo", "feed_forward.w1", "feed_forward.w2", "feed_forward.w3",
    ]

    private mutating func linear(_ prefix: String, _ outputs: Int, _ inputs: Int) -> WeightAndBias {
        WeightAndBias(
            weight: take(
                prefix + ".weight", [outputs, inputs], .projection, .visual, .normal(1 / Float(inputs).squareRoot())),
            bias: take(prefix + ".bias", [outputs], .projection, .visual, .zeros))
    }

    private mutating func norm(_ prefix: String, _ width: Int, _ start: Float = 1) -> WeightAndBias {
        WeightAndBias(
            weight: take(prefix + ".weight", [width], .projection, .visual, .constant(start)),
            bias: take(prefix + ".bias", [width], .projection, .visual, .zeros))
    }
}

extension String {
    /// "attention.wq" → "attention.lora_wq": the official files name LoRA matrices beside the linear.
    fileprivate func named(_ prefix: String) -> String {
        guard let dot = lastIndex(of: ".") else { return prefix + self }
        return self[...dot] + prefix + self[index(after: dot)...]
    }
}
