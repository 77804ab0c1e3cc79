import Checkpoints

/// The sizes and constants of a LLaMA, as its checkpoint states them.
public struct LlamaConfiguration: Sendable, Equatable {
    /// Width of the model.
    public var width: Int
    public var layers: Int
    /// Query heads; key and value heads (fewer where several queries share one); width of a head.
    public var heads: Int
    public var kvHeads: Int
    public var headSize: Int
    /// Width of the feed-forward layer.
    public var hidden: Int
    public var vocabulary: Int
    /// Positions that the model was trained for.
    public var context: Int
    public var normEps: Float
    public var ropeTheta: Float
    /// Leading elements of a head that are rotated; an even number.
    public var ropeSize: Int
    /// What the frequency of each rotated pair is divided by, [ropeSize / 2]; empty where positions are not stretched.
    public var ropeFactors: [Float] = []

    /// Width of all queries, of all keys.
    public var queryWidth: Int { heads * headSize }
    public var kvWidth: Int { kvHeads * headSize }
}

extension LlamaConfiguration {
    /// What a GGUF's metadata says (keys `llama.…`); `ModelError.configuration` for a key that is missing or impossible.
    init(gguf: any Checkpoint) throws(ModelError) {
        let facts = Facts(checkpoint: gguf)
        let architecture = gguf.metadata["general.architecture"]?.string
        guard architecture == "llama" else {
            throw facts.fault("general.architecture", "\"llama\"", architecture.map { "\"\($0)\"" } ?? "none")
        }
        width = try facts.count("llama.embedding_length", most: 1 << 16)
        layers = try facts.count("llama.block_count", most: 1024)
        heads = try facts.count("llama.attention.head_count", most: 1024)
        kvHeads = try facts.count("llama.attention.head_count_kv", most: heads, fallback: heads)
        headSize = try facts.count("llama.attention.key_length", most: 1024, fallback: max(1, width / heads))
        hidden = try facts.count("llama.feed_forward_length", most: 1 << 20)
        context = try facts.count("llama.context_length", most: 1 << 24)
        normEps = try facts.number("llama.attention.layer_norm_rms_epsilon", fallback: nil)
        ropeTheta = try facts.number("llama.rope.freq_base", fallback: 10000)
        ropeSize = try facts.count("llama.rope.dimension_count", most: headSize, fallback: headSize)
        guard let embedding = gguf.view("token_embd.weight")?.shape, embedding.count == 2 else {
            throw facts.fault("token_embd.weight", "a tensor [vocabulary, \(width)]", "none")
        }
        vocabulary = embedding[0]
        guard heads % kvHeads == 0 else {
            throw facts.fault("llama.attention.head_count_kv", "a divisor of \(heads)", "\(kvHeads)")
        }
        guard ropeSize % 2 == 0 else {
            throw facts.fault("llama.rope.dimension_count", "an even number", "\(ropeSize)")
        }
        ropeFactors = try facts.ropeFactors(size: ropeSize)
    }
}

/// Typed access to a checkpoint's metadata with errors that name file and key.
private struct Facts {
    let checkpoint: any Checkpoint

    func fault(_ key: String, _ expected: String, _ found: String) -> ModelError {
        .configuration(file: checkpoint.file, key: key, expected: expected, found: found)
    }

    func count(_ key: String, most: Int, fallback: Int? = nil) throws(ModelError) -> Int {
        let value = checkpoint.metadata[key]
        if value == nil, let fallback { return fallback }
        guard let number = value?.int, (1...most).contains(number) else {
            throw fault(key, "a number from 1 to \(most)", value.map { $0.int.map(String.init) ?? $0.kind } ?? "none")
        }
        return number
    }

    /// Stretched positions: `rope_freqs.weight` [size / 2] with a divisor for each frequency, times the factor of
    /// `llama.rope.scaling.type` "linear".
    func ropeFactors(size: Int) throws(ModelError) -> [Float] {
        let kind = checkpoint.metadata["llama.rope.scaling.type"]
        guard ["linear", "none", nil].contains(kind?.string), kind == nil || kind?.string != nil else {
            throw fault("llama.rope.scaling.type", "\"linear\" or \"none\"", kind?.string ?? kind?.kind ?? "none")
        }
        // Files from before `scaling.type` have `scale_linear`.
        let key = kind == nil ? "llama.rope.scale_linear" : "llama.rope.scaling.factor"
        let factor = kind?.string == "none" ? 1 : try number(key, fallback: kind == nil ? 1 : nil)
        var factors: [Float] = factor == 1 ? [] : Array(repeating: factor, count: size / 2)
        let frequencies = "rope_freqs.weight"
        guard checkpoint.names.contains(frequencies) else { return factors }
        do {
            let tensor = try checkpoint.require(frequencies, shape: [size / 2]).tensor().array
            factors = tensor.map { $0 * factor }
        } catch {
            throw fault(frequencies, "a tensor [\(size / 2)]", "\(error)")
        }
        guard factors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw fault(frequencies, "numbers above 0", "others")
        }
        return factors
    }

    func number(_ key: String, fallback: Float?) throws(ModelError) -> Float {
        let value = checkpoint.metadata[key]
        if value == nil, let fallback { return fallback }
        guard let number = value?.double, number.isFinite, number > 0 else {
            throw fault(key, "a number above 0", value.map { $0.double.map { "\($0)" } ?? $0.kind } ?? "none")
        }
        return Float(number)
    }
}
