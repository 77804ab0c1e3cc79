import Tensors

/// What a parameter is in the model; the paper's words.
public enum ParameterKind: String, Sendable, CaseIterable {
    /// The visual projection: `clip_proj`, `visual_query`, `visual_blocks`, `visual_proj` and their norms.
    case projection
    /// `adapter_query`.
    case prompt
    case gate
    /// RMS norms of the base, replaced by trained ones.
    case norm
    case bias
    case scale
    case lora
}

/// The two disjoint sets of parameters of joint training (arXiv 2304.15010, section 4.2).
public enum ParameterGroup: String, Sendable, CaseIterable {
    /// Visual projection and the gates (and, as released, the prompts) through which the picture enters.
    case visual
    /// Late prompts and their gates, norms, biases, scales or LoRA: what learns from instructions.
    case tuning
}

/// A named tensor of an adapter. Memory for a gradient is there only if it is trained.
public final class Parameter {
    /// Its key in the adapter's file.
    public let name: String
    public let kind: ParameterKind
    public let group: ParameterGroup
    public let value: Tensor
    /// The gradient of the loss, summed since it was last cleared; nil if frozen. The shape of `value`.
    public private(set) var gradient: Tensor?
    /// Whether the batch at hand may change it.
    var isActive = false

    init(_ name: String, _ kind: ParameterKind, _ group: ParameterGroup, _ value: Tensor) {
        self.name = name
        self.kind = kind
        self.group = group
        self.value = value
    }

    /// Where a gradient of the batch at hand is added; nil if it is not wanted.
    var sink: Tensor? { isActive ? gradient : nil }

    /// Whether a gradient is kept for it at all.
    public var isTrained: Bool {
        get { gradient != nil }
        set {
            if newValue == isTrained { return }
            gradient = newValue ? Tensor(value.shape) : nil
        }
    }

    func clearGradient() {
        guard let gradient else { return }
        gradient.data.update(repeating: 0, count: gradient.count)
    }
}
