/// What an adapter consists of: enough to make one, or to know the tensors of one that exists.
public struct AdapterPlan: Sendable, Equatable {
    /// Where the visual tokens enter.
    public enum Wiring: String, Sendable, CaseIterable {
        /// Added to the learned prompts of the last layers, as in the released code.
        case released
        /// Early fusion (arXiv 2304.15010, section 4.3): read by the first layers, learned prompts in the last.
        case paper
    }

    /// The way from visual features to visual tokens.
    public struct Visual: Sendable, Equatable {
        /// Width of a feature, C.
        public var featureWidth: Int
        /// Width, number and heads of the visual blocks.
        public var width: Int
        public var blocks: Int
        public var heads: Int
        /// Feed-forward width over width.
        public var ratio = 4
        /// Visual tokens, Q.
        public var queries: Int

        public init(featureWidth: Int, width: Int, blocks: Int, heads: Int, ratio: Int = 4, queries: Int) {
            (self.featureWidth, self.width, self.blocks, self.heads) = (featureWidth, width, blocks, heads)
            (self.ratio, self.queries) = (ratio, queries)
        }
    }

    /// Where a trained scale is applied: the paper's place, or the released dialog code's.
    public enum Scale: String, Sendable, CaseIterable { case output, input }

    public var wiring = Wiring.released
    /// nil: an adapter without pictures, such as LLaMA-Adapter V1.
    public var visual: Visual?
    /// The last layers that have learned prompts, L; and how many prompts each has (with `released`: the queries).
    public var promptLayers = 0
    public var prompts = 0
    /// The first layers that read the visual tokens, K (`paper` only).
    public var earlyLayers = 0
    /// The last layers that are tuned by what follows; norms include the final one.
    public var tunedLayers = 0
    public var norms = false
    public var biases = false
    public var scale: Scale?
    /// Rank of LoRA on every linear of a tuned layer; 0: none.
    public var rank = 0
    /// A second gate for a whole layer, as LORA-BIAS checkpoints have.
    public var newGates = false
    /// Where the gates start: 0 leaves the base as it is (zero-init).
    public var gate: Float = 0
    /// The deviation of fresh learned prompts.
    public var promptScale: Float = 0.02
    /// Where the weight of the last visual norm starts: the size of the visual tokens.
    public var outputScale: Float = 0.25

    public init() {}

    /// What is wrong with the numbers for a base of `layers` layers, one sentence each.
    public func faults(layers: Int) -> [String] {
        var faults: [String] = []
        func require(_ condition: Bool, _ fault: @autoclosure () -> String) { if !condition { faults.append(fault()) } }
        require((0...layers).contains(promptLayers), "prompt layers: expected 0 to \(layers), found \(promptLayers)")
        require((0...layers).contains(tunedLayers), "tuned layers: expected 0 to \(layers), found \(tunedLayers)")
        switch wiring {
        case .released:
            require(earlyLayers == 0, "early layers: expected none with the released wiring, found \(earlyLayers)")
            require(
                visual == nil || visual?.queries == prompts,
                "prompts: expected as many as visual queries with the released wiring, found \(prompts)")
        case .paper:
            // Section 4.3: the two injections share no layer.
            require(
                earlyLayers >= 0 && earlyLayers + promptLayers <= layers,
                "early and prompt layers: expected at most \(layers) together, found \(earlyLayers) + \(promptLayers)")
            require(visual != nil || earlyLayers == 0, "early layers: expected none without pictures")
        }
        if let visual {
            require(
                visual.blocks > 0, "visual blocks: expected one or more, for queries see the features only in them")
            require(
                visual.heads > 0 && visual.width % visual.heads == 0,
                "visual heads: expected a divisor of \(visual.width), found \(visual.heads)")
        }
        return faults
    }
}
