import Checkpoints
import Tensors

// What an adapter's file has under which key, and the sizes and facts that it states.

extension LlamaAdapter.Tuning {
    /// What the file has under `prefix`, the layer's.
    init(_ w: WeightReader, _ prefix: String, _ c: LlamaConfiguration, _ layout: TuningLayout) {
        let (D, F) = (c.width, c.hidden)
        func part(_ key: String, _ count: Int, isRequired: Bool) -> Tensor? {
            isRequired ? w.tensor(key, count) : w.tensor(ifPresent: key, count)
        }
        attentionNorm = part(prefix + "attention_norm.weight", D, isRequired: layout.norms)
        ffnNorm = part(prefix + "ffn_norm.weight", D, isRequired: layout.norms)
        func linear(_ room: String, _ name: String, _ rows: Int, _ columns: Int) -> LlamaAdapter.LinearTuning {
            let key = prefix + room + name + layout.separator
            let scale = part(key + "scale", layout.scalesInput ? columns : rows, isRequired: layout.scales)
            return .init(
                bias: part(key + "bias", rows, isRequired: layout.biases),
                scale: scale.map { layout.scalesInput ? .input($0) : .output($0) },
                lowRank: w.lowRank(prefix + room + "lora_" + name, rows, columns))
        }
        wq = linear("attention.", "wq", c.queryWidth, D)
        wk = linear("attention.", "wk", c.kvWidth, D)
        wv = linear("attention.", "wv", c.kvWidth, D)
        wo = linear("attention.", "wo", D, c.queryWidth)
        w1 = linear("feed_forward.", "w1", F, D)
        w2 = linear("feed_forward.", "w2", D, F)
        w3 = linear("feed_forward.", "w3", F, D)
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

extension LlamaAdapter {
    /// Which prompts enter which layer. As released the last L layers see learned prompts and visual tokens together.
    static func injections(
        _ w: WeightReader, _ c: Configuration, _ base: LlamaConfiguration, prefix: String
    ) -> [Injection?] {
        (0..<base.layers).map { i in
            let at = "\(prefix)layers.\(i).attention."
            let late = i - (base.layers - c.layers)
            guard late >= 0 || i < c.earlyLayers else {
                // The official files have gates in every layer.
                w.ignore(at + "gate")
                w.ignore(at + "new_gate")
                return nil
            }
            return Injection(
                gate: w.tensor(at + "gate", 1, base.heads, 1, 1),
                newGate: w.tensor(ifPresent: at + "new_gate", 1, 1, 1, 1),
                firstPrompt: late >= 0 ? late * c.prompts : nil,
                readsVisual: c.queries > 0 && (late < 0 || c.earlyLayers == 0), isNormed: late < 0)
        }
    }

    static func check(_ facts: [String: String], file: String, fingerprint: String?) throws(ModelError) {
        if let wiring = facts["wiring"], wiring != "released", wiring != "paper" {
            throw .configuration(file: file, key: "wiring", expected: "released or paper", found: wiring)
        }
        if let scale = facts["scale"], scale != "output", scale != "input" {
            throw .configuration(file: file, key: "scale", expected: "output or input", found: scale)
        }
        if let gate = facts["gate"], Gating(rawValue: gate) == nil {
            throw .configuration(file: file, key: "gate", expected: "tanh or raw", found: gate)
        }
        if let eps = facts["layer_norm_eps"], Float(eps) != Self.eps {
            throw .configuration(file: file, key: "layer_norm_eps", expected: "\(Self.eps)", found: eps)
        }
        if let made = facts["base_sha256"], let fingerprint, "sha256:" + made != fingerprint {
            let name = facts["base"].map { $0 + " " } ?? ""
            throw .wrongBase(adapter: file, expected: "\(name)(sha256:\(made))", found: fingerprint)
        }
    }

    /// The file's own `vision_blocks`, such as "9,11"; none if it says nothing.
    static func visionBlocks(_ facts: [String: String], file: String) throws(ModelError) -> [Int] {
        guard let text = facts["vision_blocks"] else { return [] }
        let words = text.split(separator: ",")
        let blocks = words.compactMap { Int($0) }.filter { $0 > 0 }
        guard blocks.count == words.count, !blocks.isEmpty else {
            throw .configuration(
                file: file, key: "vision_blocks", expected: "blocks counted from 1, such as 9,11", found: text)
        }
        return blocks
    }

    /// The sizes of a V1: an adapter with prompts, without pictures or with their global features. Only L · P is in the shapes: P is `promptLength`, or
    /// what the file says, or 10, which the released loader assumes.
    static func configuration(
        v1 w: WeightReader, _ facts: [String: String], _ base: LlamaConfiguration, _ promptLength: Int?
    ) throws(ModelError) -> Configuration {
        let key = "adapter_query.weight"
        let (rows, _) = try sizes(w, key)
        let P: Int
        let origin: String
        if let promptLength {
            (P, origin) = (promptLength, "as asked for")
        } else if let stated = facts["prompt_len"] {
            (P, origin) = (Int(stated) ?? 0, "as prompt_len says")
        } else if let named = Self.promptLength(namedBy: w.checkpoint.file, rows: rows) {
            (P, origin) = (named, "as the file's name says")
        } else {
            (P, origin) = (10, "which the file does not say: 10 assumed")
        }
        guard (1...mostQueries).contains(P), rows % P == 0, rows / P <= base.layers else {
            throw .configuration(
                file: w.checkpoint.file, key: key,
                expected: "\(P) rows (prompts of a layer, \(origin)) for each of at most \(base.layers) layers",
                found: "\(rows) rows")
        }
        var c = Configuration(withoutPictures: P, layers: rows / P)
        if w.names("global_proj.weight") {
            (_, c.featureWidth) = try sizes(w, "global_proj.weight")
            c.queries = 1
        }
        return c
    }

    /// The P of a file that is named as the released ones are, `llama_adapter_lenP_layerL_release.pth`, and has L · P
    /// rows.
    private static func promptLength(namedBy file: String, rows: Int) -> Int? {
        guard let name = file.split(separator: "/").last, let match = name.firstMatch(of: /_len(\d+)_layer(\d+)_/),
            let P = Int(match.1), let L = Int(match.2), P > 0, L > 0, rows % P == 0, rows / P == L
        else { return nil }
        return P
    }

    /// The sizes of a tensor of two dimensions.
    private static func sizes(_ w: WeightReader, _ key: String) throws(ModelError) -> (Int, Int) {
        guard let shape = w.shape(key), shape.count == 2, shape.allSatisfy({ $0 > 0 }) else {
            throw .configuration(
                file: w.checkpoint.file, key: key, expected: "a tensor of two dimensions",
                found: w.shape(key).map { "\($0)" } ?? "none")
        }
        return (shape[0], shape[1])
    }

    /// The sizes of an adapter that reads pictures, which the shapes imply; heads of the visual blocks are not in the
    /// shapes (official files have 16).
    static func configuration(
        multimodal w: WeightReader, _ facts: [String: String], _ base: LlamaConfiguration, _ visualHeads: Int?
    ) throws(ModelError) -> Configuration {
        func fault(_ key: String, _ expected: String, _ found: String) -> ModelError {
            .configuration(file: w.checkpoint.file, key: key, expected: expected, found: found)
        }
        let (queries, visualWidth) = try sizes(w, "visual_query.weight")
        let (_, featureWidth) = try sizes(w, "clip_proj.weight")
        let (rows, _) = try sizes(w, "adapter_query.weight")
        guard queries <= mostQueries else {
            throw fault("visual_query.weight", "at most \(mostQueries) rows", "\(queries)")
        }
        var (prompts, early) = (queries, 0)
        if facts["wiring"] == "paper" {
            func count(_ key: String) throws(ModelError) -> Int {
                guard let number = facts[key].flatMap({ Int($0) }), (1...mostQueries).contains(number) else {
                    throw fault(key, "a number from 1 to \(mostQueries) with the paper's wiring", facts[key] ?? "none")
                }
                return number
            }
            (prompts, early) = (try count("prompt_len"), try count("early_layers"))
        }
        guard rows % prompts == 0, rows / prompts + early <= base.layers else {
            throw fault(
                "adapter_query.weight", "\(prompts) rows for each of at most \(base.layers - early) layers",
                "\(rows) rows")
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
            queries: queries, prompts: prompts, layers: rows / prompts, earlyLayers: early)
    }
}

extension LlamaAdapter.Configuration {
    /// Of an adapter that reads no pictures: P learned prompts in each of the last L layers.
    init(withoutPictures P: Int, layers L: Int) {
        (featureWidth, visualWidth, visualBlocks, visualHeads, queries) = (0, 0, 0, 0, 0)
        (prompts, layers, earlyLayers) = (P, L, 0)
    }
}
