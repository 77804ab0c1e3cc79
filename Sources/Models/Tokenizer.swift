import Checkpoints

/// Text to token ids and back. Neither way adds a begin or end of sequence by itself.
public protocol Tokenizer: Sendable {
    /// Number of tokens; ids are 0 ..< vocabularySize.
    var vocabularySize: Int { get }
    /// The token that begins a sequence, where the file names one. Whether a model wants it is the model's business.
    var bos: Int? { get }
    /// Tokens that end an answer.
    var eos: Set<Int> { get }
    /// True for tokens that steer and are not text, such as the end of a turn.
    func isSpecial(_ id: Int) -> Bool
    /// The token whose text is exactly `piece`.
    func id(of piece: String) -> Int?
    /// The ids of a text. With `special`, special tokens written in the text become themselves, where the tokenizer
    /// knows such a thing; without, they are text like any other.
    func encode(_ text: String, special: Bool) -> [Int]
    /// The ids of a text made of pieces, as if joined; special tokens are recognised in trusted pieces only.
    func encode(_ pieces: [PromptPiece]) -> [Int]
    /// The text of ids; bytes that are not UTF-8 become U+FFFD. Ids outside of the vocabulary give nothing.
    func decode(_ ids: [Int]) -> String
    /// The bytes of one token, which need not be whole characters; none outside of the vocabulary.
    func bytes(of id: Int) -> [UInt8]
}

/// A part of a prompt, and whether special tokens written in it are meant.
public struct PromptPiece: Sendable, Equatable {
    public let text: String
    /// True for a template's own words; false for what users, pictures and experts say.
    public let isTrusted: Bool

    public init(_ text: String, isTrusted: Bool) {
        self.text = text
        self.isTrusted = isTrusted
    }
}

extension Tokenizer {
    public func encode(_ text: String, special: Bool) -> [Int] {
        encode([PromptPiece(text, isTrusted: special)])
    }
}

extension GGUF {
    /// The tokenizer described in the file's metadata.
    public func tokenizer() throws -> any Tokenizer {
        let key = "tokenizer.ggml.model"
        switch metadata[key]?.string {
        case "gpt2": return try ByteLevelBPE(gguf: self)
        case "llama": return try SentencePiece(gguf: self)
        case let found:
            throw ModelError.configuration(
                file: file, key: key, expected: "gpt2 or llama", found: found ?? metadata[key]?.kind ?? "none")
        }
    }
}
