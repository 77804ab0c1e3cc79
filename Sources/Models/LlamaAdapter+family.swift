import Checkpoints

// What was released (OpenGVLab/LLaMA-Adapter), and what its files leave to who loads them.
//
// V1 (arXiv 2303.16199; llama/model.py, alpaca_finetuning_v1): learned prompts and gates, nothing else. A flat file:
// `adapter_query.weight` [L P, D] and `layers.N.attention.gate` [1, H, 1, 1] for every layer, adapted or not. P is not
// in it: the released loader takes 10, and L is rows / P. The code that trains multiplies by tanh(gate), the code that
// answers by the gate itself.
//
// V1 with pictures (section 3.3 of the paper; never released, the keys are ours) has besides `global_proj.weight` [D, C]
// and `global_proj.bias` [D]. It reads the global features of several scales, one behind the other: the class tokens of
// the encoder's last block and of those that the metadata's `vision_blocks` names.
//
// V2 dialog (arXiv 2304.15010, section 4.1; llama_adapter_v2_chat65b): biases and scales on all seven linears of every
// layer, `layers.N.attention.wq_bias` [out] and `…wq_scale` [in], and the two norms of every layer. The paper scales a
// linear's result, the code its input: W (s ⊙ x) + b. No prompts; the last norm stays the base's.
//
// V2 multimodal (llama_adapter_v2_multimodal7b): a picture's visual queries added to the prompts, norms and biases, in
// some files low-rank changes and a second gate.
//
// Files of our own may mix these; a file without visual queries is of the first family if it has prompts, else of the
// second.

extension LlamaAdapter {
    /// A generation of LLaMA-Adapter, told from a file's keys.
    public enum Family: String, Sendable {
        case v1 = "LLaMA-Adapter V1"
        case v2Dialog = "LLaMA-Adapter V2 dialog"
        case v2Multimodal = "LLaMA-Adapter V2 multimodal"

        /// The family of a file; `ModelError.configuration` if it is no adapter.
        public init(of checkpoint: any Checkpoint) throws(ModelError) {
            let names = checkpoint.names
            if names.contains(where: { $0 == "visual_query.weight" || $0.hasPrefix("clip_proj.") }) {
                self = .v2Multimodal
            } else if names.contains("adapter_query.weight") {
                self = .v1
            } else if names.contains(where: Self.isTuning) || checkpoint.metadata["format"]?.string == ownFormat {
                self = .v2Dialog
            } else {
                throw .configuration(
                    file: checkpoint.file, key: "adapter_query.weight",
                    expected: "it, visual_query.weight or trained biases and scales (is this a LLaMA-Adapter?)",
                    found: "\(names.count) other tensors" + (names.first.map { ", such as \($0)" } ?? ""))
            }
        }

        /// Whether a key is of a trained bias, scale or low-rank change of a LLaMA's linear.
        private static func isTuning(_ key: String) -> Bool {
            let path = key.split(separator: ".")
            guard path.starts(with: ["layers"]) || path.starts(with: ["llama", "layers"]) else { return false }
            let isOwn = path.last == "bias" || path.last == "scale" || path.dropLast().last?.hasPrefix("lora_") == true
            return isOwn || TuningLayout.isDialog(key)
        }
    }

    /// How a gate weighs what its head read from the prompts.
    public enum Gating: String, Sendable, CaseIterable {
        /// By tanh(gate): V2, every file of our own, and V1's training code.
        case tanh
        /// By the gate itself: V1's code for answering, and so what V1 as released answers with.
        case raw

        /// What a file is used with if nobody says otherwise: its own word (`gate`), else what its family's released
        /// code for answering does.
        init(_ facts: [String: String], _ family: Family) {
            let isReleased = facts["format"] == nil
            self = facts["gate"].flatMap(Gating.init) ?? (family == .v1 && isReleased ? .raw : .tanh)
        }
    }

    /// What files of our own have as `format`.
    static let ownFormat = "lorgnette.adapter/1"
}

/// How a file writes trained biases and scales, and which of them it has.
struct TuningLayout {
    /// Between a linear's name and `bias` or `scale`: `wq_bias` in the released dialog files, `wq.bias` in the others.
    let separator: String
    /// Whether scales act on the input: as the released dialog code computes; else on the output.
    let scalesInput: Bool
    /// What the released dialog files have in every layer; other files may tune some layers only.
    let biases, scales, norms: Bool

    init(_ names: [String], _ facts: [String: String]) {
        let isDialog = names.contains(where: Self.isDialog)
        separator = isDialog ? "_" : "."
        scalesInput = facts["scale"].map { $0 == "input" } ?? isDialog
        func everywhere(_ end: String) -> Bool { isDialog && names.contains { $0.hasSuffix(end) } }
        (biases, scales, norms) = (everywhere("_bias"), everywhere("_scale"), everywhere("_norm.weight"))
    }

    /// Whether a key is written as in the released dialog files.
    static func isDialog(_ key: String) -> Bool {
        guard let name = key.split(separator: ".").last, name.hasSuffix("_bias") || name.hasSuffix("_scale") else {
            return false
        }
        return ["wq", "wk", "wv", "wo", "w1", "w2", "w3"].contains { name.hasPrefix($0 + "_") }
    }
}
