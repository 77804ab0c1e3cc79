import Glibc

/// How rotary positions are stretched beyond the context that a model was first trained for: what the frequency of each
/// pair is divided by.
enum RopeScaling {
    /// Every frequency by the same factor (Chen et al., arXiv 2306.15595).
    case linear(factor: Double)
    /// Llama 3.1's: frequencies that turn less than `low` times within `context` positions by `factor`, those that turn
    /// more than `high` times by 1, and a smooth passage between (Hugging Face, `modeling_rope_utils.py`, "llama3").
    case llama3(factor: Double, low: Double, high: Double, context: Double)

    /// The divisors of the frequencies θ^(−2i / size), [size / 2].
    func factors(theta: Double, size: Int) -> [Float] {
        switch self {
        case .linear(let factor): return Array(repeating: Float(factor), count: size / 2)
        case .llama3(let factor, let low, let high, let context):
            return (0..<size / 2).map { i in
                let turns = context * pow(theta, -2 * Double(i) / Double(size)) / (2 * Double.pi)
                if turns < low { return Float(factor) }
                if turns > high { return 1 }
                let share = (turns - low) / (high - low)
                // The frequency is mixed, so its divisor is the inverse of a mix.
                return Float(1 / ((1 - share) / factor + share))
            }
        }
    }
}

extension RopeScaling {
    /// What Hugging Face's `rope_scaling` or, in newer files, `rope_parameters` says; nil for none. A kind that is not
    /// known here is an error that names it.
    init?(huggingFace config: ConfigurationFile, _ key: String) throws(ModelError) {
        guard config[key] != nil else { return nil }
        let inner = config.inside(key)
        // Older files say "type".
        let kind = inner["rope_type"] == nil && inner["type"] != nil ? "type" : "rope_type"
        switch try inner.word(kind, of: ["default", "linear", "llama3"], fallback: "default") {
        case "linear": self = .linear(factor: Double(try inner.number("factor")))
        case "llama3":
            let (low, high) = (try inner.number("low_freq_factor"), try inner.number("high_freq_factor"))
            guard low < high else { throw inner.fault("high_freq_factor", "a number above \(low)", "\(high)") }
            self = .llama3(
                factor: Double(try inner.number("factor")), low: Double(low), high: Double(high),
                context: Double(try inner.count("original_max_position_embeddings", most: 1 << 24)))
        default: return nil
        }
    }
}
