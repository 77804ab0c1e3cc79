extension LanguageModel {
    /// The tokens of a user's message in the model's chat format, up to where its answer begins.
    /// Throws `ModelError.configuration` if the model has no format that is understood.
    public func chat(system: String? = nil, _ message: String) throws(ModelError) -> [Int] {
        guard let template = try template else {
            throw .configuration(
                file: name, key: "tokenizer.chat_template", expected: "a chat format, for a question", found: "none")
        }
        let messages = (system.map { [ChatMessage(.system, $0)] } ?? []) + [ChatMessage(.user, message)]
        return tokenizer.encode(template.pieces(messages, addGenerationPrompt: true))
    }

    /// What an adapter was trained to go on from when it describes a picture: its `ask` as a chat, or its `prompt` as it
    /// stands.
    public func picturePrompt(of adapter: LlamaAdapter) throws(ModelError) -> [Int] {
        if let ask = adapter.facts["ask"] { return try chat(system: adapter.facts["system"], ask) }
        return tokenizer.encode(adapter.facts["prompt"] ?? "Caption:", special: false)
    }

    /// The tokens of a plain text that begins a sequence. Of more than `room` the last ones are kept, as the released
    /// dialog code does, and so the begin of sequence goes first.
    public func tokens(of text: String, room: Int = .max) -> [Int] {
        (begin + tokenizer.encode(text, special: false)).suffix(max(0, room))
    }
}
