import Checkpoints
import Tensors

// The layout of facebookresearch/llama. Rotary positions turn interleaved pairs, as here.

extension LlamaFolder {
    /// The weights. Those of a model in several files are joined; those of one file stay mapped.
    func checkpoint() throws -> any Checkpoint {
        let parts = try shards.map(CheckpointReader.open)
        return parts.count == 1 ? parts[0] : try Self.joined(parts)
    }

    /// The parts of a larger model as one. Each has some of the outputs of the linear layers whose results stay apart,
    /// some of the inputs of those whose results are added up, and some of the columns of the embedding.
    private static func joined(_ parts: [any Checkpoint]) throws -> ShardedCheckpoint {
        let width = parts[0].view("norm.weight")?.count
        // Llama 3 deals out the rows of the embedding.
        let wholeRows = parts[0].view("tok_embeddings.weight")?.shape.last == width
        return try ShardedCheckpoint(parts) { name in
            switch name.split(separator: ".").suffix(2).first {
            case "wq", "wk", "wv", "w1", "w3", "output": 0
            case "wo", "w2": 1
            case "tok_embeddings": wholeRows ? 0 : 1
            default: nil
            }
        }
    }
}

extension LlamaConfiguration {
    /// What `params.json` says, and for vocabulary and feed-forward width the shapes in the checkpoint: a `vocab_size`
    /// of −1 means the tokenizer's, and `multiple_of` only rounds the width.
    init(official params: JSONValue, file: String, _ checkpoint: any Checkpoint) throws(ModelError) {
        let config = ConfigurationFile(params, file: file)
        func rows(_ key: String) throws(ModelError) -> Int {
            guard let shape = checkpoint.view(key)?.shape, shape.count == 2, shape[0] > 0 else {
                throw .configuration(
                    file: checkpoint.file, key: key, expected: "a tensor of two dimensions",
                    found: checkpoint.view(key).map { "\($0.shape)" } ?? "none")
            }
            return shape[0]
        }
        width = try config.count("dim", most: 1 << 16)
        layers = try config.count("n_layers", most: 1024)
        heads = try config.count("n_heads", most: 1024)
        kvHeads = try config.count("n_kv_heads", most: heads, fallback: heads)
        guard width % heads == 0, width / heads % 2 == 0, heads % kvHeads == 0 else {
            throw config.fault(
                "n_heads", "heads of an even width, shared evenly", "\(heads) and \(kvHeads) for \(width)")
        }
        headSize = width / heads
        ropeSize = headSize
        normEps = try config.number("norm_eps")
        ropeTheta = try config.number("rope_theta", fallback: 10000)
        // The file does not say it; 2048 is what the first LLaMA was trained for.
        context = try config.count("max_seq_len", most: 1 << 24, fallback: 2048)
        if params["use_scaled_rope"]?.bool == true {
            throw config.fault("use_scaled_rope", "no scaling of positions (not supported)", "true")
        }
        hidden = try rows("layers.0.feed_forward.w1.weight")
        vocabulary = try rows("tok_embeddings.weight")
        if let stated = params["vocab_size"]?.int, stated != -1, stated != vocabulary {
            throw config.fault("vocab_size", "\(vocabulary), the rows of the embedding, or -1", "\(stated)")
        }
    }
}
