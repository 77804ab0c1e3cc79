import Checkpoints

/// A folder with a model, opened to say what it is.
public struct ModelFolder: Sendable {
    public enum Kind: Sendable, Equatable {
        /// A LLaMA with its tokenizer; adapters must be made for this width and number of layers.
        case language(width: Int, layers: Int)
        /// A picture encoder with features of this width.
        case vision(featureWidth: Int)
    }

    /// "LLaMA as it was released, 2 shards", "Hugging Face, 3 parts".
    public let layout: String
    /// "llama, 32 layers, width 4096".
    public let about: String
    public let kind: Kind
    public let checkpoint: any Checkpoint
    /// The weights' files in order.
    public let weights: [String]

    /// Whether there is such a folder at a path, understood or not.
    public static func isOne(_ path: String) -> Bool { LlamaFolder.isFolder(path) }

    /// Throws `CheckpointError` or `ModelError` for a folder that is not understood.
    public init(path: String) throws {
        guard HuggingFaceFolder.isOne(path) else {
            let source = try LanguageSource(path: path)
            self.init(source, layout: "LLaMA as it was released, " + Self.count(source.files.count, "shard"))
            return
        }
        let folder = try HuggingFaceFolder(path: path)
        let layout = "Hugging Face, " + Self.count(folder.weights.count, "file")
        if folder.config["model_type"]?.string == "llama" {
            self.init(try LanguageSource(path: path), layout: layout)
        } else {
            self.init(folder, try VisionTransformer(folder), layout: layout)
        }
    }

    private init(_ source: LanguageSource, layout: String) {
        let c = source.configuration
        self.layout = layout
        about = "llama, \(c.layers) layers, width \(c.width), \(c.heads) heads, \(c.vocabulary) tokens"
        kind = .language(width: c.width, layers: c.layers)
        (checkpoint, weights) = (source.checkpoint, source.files)
    }

    private init(_ folder: HuggingFaceFolder, _ vision: VisionTransformer, layout: String) {
        let c = vision.configuration
        self.layout = layout
        about =
            "\(folder.config["model_type"]?.string ?? ""), \(c.layers) layers, width \(c.width), patch \(c.patch), "
            + "\(c.imageSize) × \(c.imageSize) pixels"
        kind = .vision(featureWidth: vision.featureWidth)
        (checkpoint, weights) = (folder.checkpoint, folder.weights)
    }

    private static func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }
}
