import Checkpoints
import Tensors

// The layout of facebookresearch/llama. Rotary positions turn interleaved pairs, as here.

extension Llama {
    /// The model in a folder as LLaMA was released, `7B/params.json` and `7B/consolidated.*.pth`. The weights of a
    /// model in several files are joined in memory; those of one file stay mapped.
    ///
    /// Throws `CheckpointError` for a file that cannot be read, `ModelError.configuration` or `.weights` for what is
    /// missing in it, with every fault.
    public init(official path: String) throws { try self.init(LlamaFolder(path: path)) }

    init(_ folder: LlamaFolder) throws {
        let parts = try folder.shards.map(CheckpointReader.open)
        let checkpoint = parts.count == 1 ? parts[0] : try Self.joined(parts)
        let c = try LlamaConfiguration(
            official: JSONValue(path: folder.parameters), file: folder.parameters, checkpoint)
        try self.init(checkpoint, c, .official)
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
        func fault(_ key: String, _ expected: String, _ found: String) -> ModelError {
            .configuration(file: file, key: key, expected: expected, found: found)
        }
        func count(_ key: String, most: Int, fallback: Int? = nil) throws(ModelError) -> Int {
            if params[key] == nil, let fallback { return fallback }
            guard let number = params[key]?.int, (1...most).contains(number) else {
                throw fault(key, "a number from 1 to \(most)", params[key]?.kind ?? "none")
            }
            return number
        }
        func number(_ key: String, fallback: Double?) throws(ModelError) -> Float {
            guard let number = params[key] == nil ? fallback : params[key]?.double, number.isFinite, number > 0 else {
                throw fault(key, "a number above 0", params[key]?.kind ?? "none")
            }
            return Float(number)
        }
        func rows(_ key: String) throws(ModelError) -> Int {
            guard let shape = checkpoint.view(key)?.shape, shape.count == 2, shape[0] > 0 else {
                throw .configuration(
                    file: checkpoint.file, key: key, expected: "a tensor of two dimensions",
                    found: checkpoint.view(key).map { "\($0.shape)" } ?? "none")
            }
            return shape[0]
        }
        width = try count("dim", most: 1 << 16)
        layers = try count("n_layers", most: 1024)
        heads = try count("n_heads", most: 1024)
        kvHeads = try count("n_kv_heads", most: heads, fallback: heads)
        guard width % heads == 0, width / heads % 2 == 0, heads % kvHeads == 0 else {
            throw fault("n_heads", "heads of an even width, shared evenly", "\(heads) and \(kvHeads) for \(width)")
        }
        headSize = width / heads
        ropeSize = headSize
        normEps = try number("norm_eps", fallback: nil)
        ropeTheta = try number("rope_theta", fallback: 10000)
        // The file does not say it; 2048 is what the first LLaMA was trained for.
        context = try count("max_seq_len", most: 1 << 24, fallback: 2048)
        if params["use_scaled_rope"]?.bool == true {
            throw fault("use_scaled_rope", "no scaling of positions (not supported)", "true")
        }
        hidden = try rows("layers.0.feed_forward.w1.weight")
        vocabulary = try rows("tok_embeddings.weight")
        if let stated = params["vocab_size"]?.int, stated != -1, stated != vocabulary {
            throw fault("vocab_size", "\(vocabulary), the rows of the embedding, or -1", "\(stated)")
        }
    }
}
