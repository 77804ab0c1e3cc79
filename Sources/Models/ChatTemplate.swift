import Checkpoints

/// One turn of a conversation.
public struct ChatMessage: Sendable, Equatable {
    public enum Role: String, Sendable { case system, user, assistant }

    public let role: Role
    public let content: String

    public init(_ role: Role, _ content: String) {
        self.role = role
        self.content = content
    }
}

/// How a conversation is written for a model: ChatML, with the default system message that the template names.
///
/// Templates in model files are Jinja programs. They are not run but recognised: one of another shape is an error.
public struct ChatTemplate: Sendable, Equatable {
    /// Put first when a conversation has no system message; nil if the template has none.
    public let defaultSystem: String?

    /// Recognises a template's text; `file` and `key` say in an error where it is from.
    public init(_ text: String, file: String, key: String) throws(ModelError) {
        // Some files hold a newline, others the two characters that Jinja reads as one.
        let text = Array(text.replacing(#"\n"#, with: "\n").utf8)
        let plain = Array((Self.loop + Self.message + Self.prompt).utf8)
        let head = Array((Self.loop + Self.systemHead).utf8)
        let tail = Array((Self.systemTail + Self.message + Self.prompt).utf8)
        if text == plain {
            defaultSystem = nil
        } else if text.count >= head.count + tail.count, text.starts(with: head), text.suffix(tail.count) == tail[...] {
            defaultSystem = String(decoding: text.dropFirst(head.count).dropLast(tail.count), as: UTF8.self)
        } else {
            throw .configuration(
                file: file, key: key, expected: "ChatML as SmolLM2 writes it",
                found: "another template: \(String(decoding: text.prefix(120), as: UTF8.self))")
        }
    }

    /// The template in a GGUF file's metadata.
    public init(gguf: GGUF) throws(ModelError) {
        let key = "tokenizer.chat_template"
        guard let text = gguf.metadata[key]?.string else {
            throw .configuration(file: gguf.file, key: key, expected: "a chat template", found: "none")
        }
        try self.init(text, file: gguf.file, key: key)
    }

    /// The conversation as pieces: the template's words are trusted, what was said is not, so a special token written in
    /// a message stays text. For `Tokenizer.encode`.
    public func pieces(_ messages: [ChatMessage], addGenerationPrompt: Bool) -> [PromptPiece] {
        var pieces: [PromptPiece] = []
        if let defaultSystem, let first = messages.first, first.role != .system {
            pieces.append(PromptPiece("<|im_start|>system\n\(defaultSystem)<|im_end|>\n", isTrusted: true))
        }
        for message in messages {
            pieces.append(PromptPiece("<|im_start|>\(message.role.rawValue)\n", isTrusted: true))
            pieces.append(PromptPiece(message.content, isTrusted: false))
            pieces.append(PromptPiece("<|im_end|>\n", isTrusted: true))
        }
        if addGenerationPrompt { pieces.append(PromptPiece("<|im_start|>assistant\n", isTrusted: true)) }
        return pieces
    }

    /// The conversation as one text.
    public func render(_ messages: [ChatMessage], addGenerationPrompt: Bool) -> String {
        pieces(messages, addGenerationPrompt: addGenerationPrompt).map(\.text).joined()
    }

    private static let loop = "{% for message in messages %}"
    private static let systemHead =
        "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    private static let systemTail = "<|im_end|>\n' }}{% endif %}"
    private static let message =
        "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    private static let prompt = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
}
