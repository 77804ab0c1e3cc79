import Glibc

/// What a run of training does: enough, with the data, to make the same adapter again.
public struct TrainingPlan: Sendable, Equatable {
    /// Learning rates at their height.
    public struct Rates: Sendable, Equatable {
        public var projection: Float = 1e-3
        public var prompt: Float = 1e-3
        public var gate: Float = 1e-2
        public var norm: Float = 1e-3
        public var bias: Float = 1e-3
        public var scale: Float = 1e-3
        public var lora: Float = 1e-3

        public init() {}

        public subscript(kind: ParameterKind) -> Float {
            get {
                switch kind {
                case .projection: projection
                case .prompt: prompt
                case .gate: gate
                case .norm: norm
                case .bias: bias
                case .scale: scale
                case .lora: lora
                }
            }
            set {
                switch kind {
                case .projection: projection = newValue
                case .prompt: prompt = newValue
                case .gate: gate = newValue
                case .norm: norm = newValue
                case .bias: bias = newValue
                case .scale: scale = newValue
                case .lora: lora = newValue
                }
            }
        }
    }

    /// One kind of data in every step.
    public struct Share: Sendable, Equatable {
        /// Examples in a step; 0: none of this kind.
        public var batch: Int
        /// How many of them go through the model together: what fits in memory.
        public var atOnce: Int
        /// The parameters that learn from it. Disjoint sets make joint training (arXiv 2304.15010, section 4.2).
        public var groups: Set<ParameterGroup>

        public init(batch: Int, atOnce: Int, groups: Set<ParameterGroup>) {
            (self.batch, self.atOnce, self.groups) = (batch, atOnce, groups)
        }
    }

    /// Captions that the model draws for itself and learns from by their scores: self-critical sequence training
    /// (arXiv 1612.00563), each drawn caption measured by the mean of the picture's others (arXiv 2003.09971).
    public struct Rewards: Sendable, Equatable {
        public var share: Share
        /// Captions of a picture; two at least, for there is nothing to measure one by.
        public var samples = 5
        /// Tokens of a caption at most.
        public var longest = 24
        /// How much a score's distance from the mean counts beside a token's log-likelihood.
        public var weight: Float = 1

        public init(share: Share) { self.share = share }
    }

    public var steps = 1000
    public var pictures = Share(batch: 0, atOnce: 8, groups: [.visual])
    public var instructions = Share(batch: 0, atOnce: 8, groups: [.tuning])
    public var rewards: Rewards?
    /// The token that ends a caption; needed where captions are drawn or scored.
    public var stop = 0
    public var rates = Rates()
    /// Steps in which the rates rise from nothing.
    public var warmUp = 50
    /// The rates' end as a share of their height; between, half a cosine.
    public var finalRate: Float = 0.05
    /// The adapter is the mean of the weights after every step from this one, counted from 1; nil: those of the last step.
    public var averageFrom: Int?
    public var decay: Float = 0.01
    public var clip: Float = 1
    public var seed: UInt64 = 1
    /// Learn to choose among the tokens of the data and this many of the vocabulary's first, which are the commonest;
    /// nil: among all.
    public var commonTokens: Int?
    /// Steps between two looks at the validation pictures, and between two checkpoints.
    public var validateEvery = 200
    public var saveEvery = 200

    public init() {}

    /// The share of a rate's height at a step, counted from 0.
    public func schedule(_ step: Int) -> Float {
        if step < warmUp { return Float(step + 1) / Float(warmUp) }
        let rest = max(1, steps - warmUp)
        let done = min(1, Float(step - warmUp) / Float(rest))
        return finalRate + (1 - finalRate) * 0.5 * (1 + cosf(.pi * done))
    }
}
