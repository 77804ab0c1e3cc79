import Glibc
import Tensors

/// Chooses the next token from logits.
///
/// Order: repetition penalty, temperature, softmax, top-p, draw. The same seed and logits give the same tokens on every
/// machine whose `exp` agrees to the last bit; the random numbers themselves are always the same.
public struct Sampler: Sendable {
    /// 0 takes the best token (of equal ones the lowest id); above, logits are divided by it.
    public let temperature: Float
    /// The share of probability that is kept; 1 keeps all.
    public let topP: Float
    /// Above 1 makes tokens less likely that are in the history; 1 changes nothing.
    public let repetitionPenalty: Float
    private var random: SplitMix64

    public init(temperature: Float, topP: Float = 1, repetitionPenalty: Float = 1, seed: UInt64 = 0) throws(ModelError) {
        func check(_ value: Float, _ isFine: Bool, _ key: String, _ expected: String) throws(ModelError) {
            guard isFine else { throw .configuration(file: "sampling", key: key, expected: expected, found: "\(value)") }
        }
        try check(temperature, temperature >= 0 && temperature.isFinite, "temperature", "0 or more")
        try check(topP, topP > 0 && topP <= 1, "top_p", "more than 0, at most 1")
        try check(
            repetitionPenalty, repetitionPenalty > 0 && repetitionPenalty.isFinite, "repetition_penalty", "more than 0")
        self.temperature = temperature
        self.topP = topP
        self.repetitionPenalty = repetitionPenalty
        random = SplitMix64(seed: seed)
    }

    /// The next token. `logits` [vocabulary] is for the position after `history`, whose tokens are penalised once each.
    /// `ModelError.notANumber` if a logit is NaN or +∞, or all are −∞.
    public mutating func next(_ logits: UnsafeBufferPointer<Float>, history: [Int]) throws(ModelError) -> Int {
        var logits = Array(logits)
        // Looked for before the penalty: 0 · ∞ there would hide where the fault is.
        guard logits.allSatisfy({ $0 < .infinity }), logits.contains(where: { $0 > -.infinity }) else {
            throw .notANumber(position: history.count)
        }
        Self.penalise(&logits, history: history, penalty: repetitionPenalty)
        if temperature == 0 { return Self.best(logits) }
        let kept = Self.kept(logits, temperature: temperature, topP: topP)
        let total = kept.reduce(0) { $0 + Double($1.probability) }
        let aim = random.unit() * total
        var sum = 0.0
        for (id, probability) in kept {
            sum += Double(probability)
            if aim < sum { return id }
        }
        // Rounding can leave the aim at the very end.
        return kept[kept.count - 1].id
    }

    /// The next token from the last row of `logits` [rows, vocabulary].
    public mutating func next(_ logits: Tensor, history: [Int]) throws(ModelError) -> Int {
        let row = logits.row(logits.rows - 1)
        return try withExtendedLifetime(logits) { () throws(ModelError) in
            try next(UnsafeBufferPointer(start: row, count: logits.columns), history: history)
        }
    }

    /// The probabilities [vocabulary] that a draw has at a temperature above 0: those that top-p drops are 0, the rest
    /// sum to 1. Logits are numbers below +∞.
    public static func distribution(_ logits: [Float], temperature: Float, topP: Float) -> [Float] {
        let kept = kept(logits, temperature: temperature, topP: topP)
        let total = kept.reduce(0) { $0 + $1.probability }
        var result = [Float](repeating: 0, count: logits.count)
        for (id, probability) in kept { result[id] = probability / total }
        return result
    }

    /// Hugging Face's penalty: a logit of a token in the history is divided if positive, multiplied if negative.
    static func penalise(_ logits: inout [Float], history: [Int], penalty: Float) {
        guard penalty != 1 else { return }
        for id in Set(history) where logits.indices.contains(id) {
            let penalised = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty
            // A penalty below 1 rewards, but nothing is rewarded beyond all numbers.
            logits[id] = min(penalised, .greatestFiniteMagnitude)
        }
    }

    private static func best(_ logits: [Float]) -> Int {
        var best = 0
        for id in logits.indices where logits[id] > logits[best] { best = id }
        return best
    }

    /// The tokens that top-p keeps, most likely first, with their probabilities before dropping.
    ///
    /// As the reference does it: a token is dropped if the sum of all before it, more likely ones first, exceeds p.
    private static func kept(_ logits: [Float], temperature: Float, topP: Float) -> [(id: Int, probability: Float)] {
        let highest = logits.max() ?? 0
        // Subtracted first: the smallest temperature makes no infinity out of the best token.
        var probabilities = logits.map { expf(($0 - highest) / temperature) }
        let total = Float(probabilities.reduce(0.0) { $0 + Double($1) })
        for id in probabilities.indices { probabilities[id] /= total }
        // All tokens below this together have less than (1 − p) / 2: what comes before each exceeds p, so it is
        // dropped whatever the order. Sorting the few that are left is what makes this quick.
        let floor = (1 - topP) / 2 / Float(logits.count)
        var kept: [(id: Int, probability: Float)] = []
        for (id, probability) in probabilities.enumerated() where probability >= floor && probability > 0 {
            kept.append((id, probability))
        }
        guard topP < 1 else { return kept }
        kept.sort { ($1.probability, $0.id) < ($0.probability, $1.id) }
        var sum = 0.0
        let end = kept.firstIndex { token in
            sum += Double(token.probability)
            return Float(sum) - token.probability > topP
        }
        return Array(kept[..<(end ?? kept.count)])
    }
}

/// Steele, Lea and Flood's SplitMix64 (2014): 64 bits of state, the same numbers everywhere.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// At least 0 and below 1, in steps of 2⁻⁵³.
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
