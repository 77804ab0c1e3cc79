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
        for key in ["llama.rope.scaling.type", "llama.rope.scale_linear"] {
            guard let value = gguf.metadata[key], value.string != "none" else { continue }
            throw facts.fault(key, "no scaling of positions (not supported)", value.string ?? value.kind)
        }
        if gguf.view("rope_freqs.weight") != nil {
            throw facts.fault("rope_freqs.weight", "no scaling of positions (not supported)", "a tensor")
        }
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

    func number(_ key: String, fallback: Float?) throws(ModelError) -> Float {
        let value = checkpoint.metadata[key]
        if value == nil, let fallback { return fallback }
        guard let number = value?.double, number.isFinite, number > 0 else {
            throw fault(key, "a number above 0", value.map { $0.double.map { "\($0)" } ?? $0.kind } ?? "none")
        }
        return Float(number)
    }
}
