import Checkpoints

/// The files of a language model, opened and checked but with its weights not yet taken: what a model is made of, and
/// what is converted to another file.
public struct LanguageSource: Sendable {
    /// Where the words come from.
    enum Words: Sendable {
        case gguf(GGUF)
        /// A `tokenizer.model`.
        case sentencePiece(String)
        /// A `tokenizer.json` and the ids that the model's configuration ends an answer with.
        case tokenizerJSON(String, ends: Set<Int>)
    }

    /// The file's or folder's name, without those above.
    public let name: String
    let checkpoint: any Checkpoint
    let configuration: LlamaConfiguration
    let keys: LlamaKeys
    let words: Words
    /// The weights' files in order.
    let files: [String]
    private let huggingFace: HuggingFaceFolder?

    /// Opens a GGUF, a folder as LLaMA was released (`params.json`), or one of Hugging Face's (`config.json`). Throws
    /// `CheckpointError` or `ModelError` if it is not one that is understood.
    public init(path: String) throws {
        name = String(path.split(separator: "/").last ?? "")
        if HuggingFaceFolder.isOne(path) {
            let folder = try HuggingFaceFolder(path: path)
            checkpoint = folder.checkpoint
            configuration = try LlamaConfiguration(huggingFace: folder.config, folder.checkpoint)
            keys = try .huggingFace(folder.config)
            words = try Self.words(folder)
            files = folder.weights
            huggingFace = folder
        } else if LlamaFolder.isFolder(path) {
            let folder = try LlamaFolder(path: path)
            checkpoint = try folder.checkpoint()
            configuration = try LlamaConfiguration(
                official: JSONValue(path: folder.parameters), file: folder.parameters, checkpoint)
            keys = .official
            words = .sentencePiece(folder.tokenizer)
            files = folder.shards
            huggingFace = nil
        } else {
            let gguf = try GGUF(path: path)
            checkpoint = gguf
            configuration = try LlamaConfiguration(gguf: gguf)
            keys = .gguf
            words = .gguf(gguf)
            files = [path]
            huggingFace = nil
        }
    }

    /// "sha256:…" of the weights' files in order.
    func fingerprint() throws(CheckpointError) -> String { try Fingerprint.sha256(of: files) }

    func tokenizer() throws -> any Tokenizer {
        switch words {
        case .gguf(let gguf): try gguf.tokenizer()
        case .sentencePiece(let path): try SentencePiece(model: path)
        case .tokenizerJSON(let path, let ends): try ByteLevelBPE(tokenizerJSON: path, ends: ends)
        }
    }

    /// Whether a sequence begins with the begin of sequence: SentencePiece models want it unless their file says
    /// otherwise, others only if it says so.
    func wantsBegin(_ tokenizer: any Tokenizer) -> Bool {
        if let tokenizer = tokenizer as? ByteLevelBPE { return tokenizer.wantsBegin }
        guard case .gguf(let gguf) = words else { return true }
        return gguf.metadata["tokenizer.ggml.add_bos_token"]?.bool ?? true
    }

    private var tokenizerConfig: JSONValue? {
        huggingFace?.file("tokenizer_config.json").flatMap { try? JSONValue(path: $0) }
    }

    /// How a conversation is written; nil if the files say nothing of it.
    func template() -> Result<ChatTemplate?, ModelError> {
        Result { () throws(ModelError) in
            if case .gguf(let gguf) = words {
                return gguf.metadata["tokenizer.chat_template"] == nil ? nil : try ChatTemplate(gguf: gguf)
            }
            guard let (text, file) = templateText else { return nil }
            return try ChatTemplate(text, file: file, key: "chat_template")
        }
    }

    /// The template's text in `tokenizer_config.json`, and that file.
    var templateText: (text: String, file: String)? {
        guard let file = huggingFace?.file("tokenizer_config.json"),
            let text = tokenizerConfig?["chat_template"]?.string
        else { return nil }
        return (text, file)
    }

    private static func words(_ folder: HuggingFaceFolder) throws -> Words {
        if let model = folder.file("tokenizer.model") { return .sentencePiece(model) }
        guard let json = folder.file("tokenizer.json") else {
            throw ModelError.configuration(
                file: folder.path, key: "tokenizer", expected: "tokenizer.json or tokenizer.model", found: "neither")
        }
        var ends: Set<Int> = []
        // What generation ends with may be said apart from the model.
        let generation = try folder.file("generation_config.json").map { try ConfigurationFile(path: $0) }
        for config in [folder.config, generation].compactMap(\.self) {
            guard let value = config["eos_token_id"] else { continue }
            for id in value.array ?? [value] {
                guard let id = id.int else { throw config.fault("eos_token_id", "ids", id.kind) }
                ends.insert(id)
            }
        }
        return .tokenizerJSON(json, ends: ends)
    }
}
