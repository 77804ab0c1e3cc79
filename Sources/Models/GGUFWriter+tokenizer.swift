import Checkpoints

extension GGUFWriter {
    /// Says in `tokenizer.ggml.*` what a `tokenizer.model` or `tokenizer.json` says, so that the same texts become the
    /// same ids. Throws `ModelError.configuration` for what a GGUF cannot say.
    mutating func set(_ words: LanguageSource.Words, template: String?) throws {
        switch words {
        case .gguf(let gguf): copyMetadata(of: gguf)
        case .sentencePiece(let path): try set(SentencePiece(model: path), file: path)
        case .tokenizerJSON(let path, let ends): try set(tokenizerJSON: path, ends: ends)
        }
        if let template { set("tokenizer.chat_template", .string(template)) }
    }

    private mutating func set(_ model: SentencePiece, file: String) throws(ModelError) {
        guard model.byteIDs.isEmpty != model.types.contains(.byte) else {
            throw .configuration(
                file: file, key: "trainer_spec.byte_fallback", expected: "true where there are pieces for bytes",
                found: "\(!model.byteIDs.isEmpty)")
        }
        set("tokenizer.ggml.model", .string("llama"))
        set("tokenizer.ggml.pre", .string("default"))
        set("tokenizer.ggml.tokens", .strings((0..<model.table.count).map { Array(model.table[$0]) }))
        set("tokenizer.ggml.scores", .float32s(model.scores))
        set("tokenizer.ggml.token_type", .int32s(model.types.map(\.rawValue)))
        set("tokenizer.ggml.unknown_token_id", .uint32(model.unknown))
        set("tokenizer.ggml.add_space_prefix", .bool(model.addsDummyPrefix))
        set("tokenizer.ggml.add_bos_token", .bool(model.bos != nil))
        set("tokenizer.ggml.add_eos_token", .bool(false))
        try setEnds(of: model, file: file)
    }

    private mutating func set(tokenizerJSON path: String, ends: Set<Int>) throws {
        // Made from the file, not from what was read of it: texts are written there as a GGUF writes them.
        let json = try TokenizerJSON(path: path)
        func fault(_ key: String, _ expected: String, _ found: String) -> ModelError {
            .configuration(file: path, key: key, expected: expected, found: found)
        }
        let split = try json.preTokenizer()
        if split.prefixSpace {
            throw fault("pre_tokenizer.add_prefix_space", "false, the only kind that a GGUF can say", "true")
        }
        // A GGUF says it by the pattern's name.
        let ignoresMerges = json.model["ignore_merges"]?.bool == true
        if ignoresMerges != (split.pattern == .llama3) {
            throw fault("model.ignore_merges", "\(!ignoresMerges), all that a GGUF can say here", "\(ignoresMerges)")
        }
        let added = try json.addedTokens()
        let texts = try json.vocabulary(added: added)
        let merges = try json.merges()
        for (rank, merge) in merges.enumerated() where merge.0.contains(" ") || merge.1.contains(" ") {
            throw fault("model.merges[\(rank)]", "two parts without spaces", "\"\(merge.0)\" and \"\(merge.1)\"")
        }
        typealias Kind = GGUFTokenizerMetadata.TokenType
        let kinds = texts.indices.map { id -> Kind in
            added[id].map { $0.isSpecial ? .control : .userDefined } ?? .normal
        }
        set("tokenizer.ggml.model", .string("gpt2"))
        set("tokenizer.ggml.pre", .string(split.pattern.nameInGGUF))
        set("tokenizer.ggml.tokens", .strings(texts.map { Array($0.utf8) }))
        set("tokenizer.ggml.token_type", .int32s(kinds.map(\.rawValue)))
        set("tokenizer.ggml.merges", .strings(merges.map { Array("\($0.0) \($0.1)".utf8) }))
        set("tokenizer.ggml.add_space_prefix", .bool(false))
        let tokenizer = try ByteLevelBPE(tokenizerJSON: path, ends: ends)
        set("tokenizer.ggml.add_bos_token", .bool(tokenizer.wantsBegin))
        try setEnds(of: tokenizer, file: path)
    }

    private mutating func setEnds(of tokenizer: some Tokenizer, file: String) throws(ModelError) {
        if let bos = tokenizer.bos { set("tokenizer.ggml.bos_token_id", .uint32(bos)) }
        let places = ["eos", "eot", "eom"]
        let ends = tokenizer.eos.sorted()
        guard ends.count <= places.count else {
            throw .configuration(
                file: file, key: "eos_token_id", expected: "at most \(places.count) tokens that end an answer",
                found: "\(ends.count)")
        }
        for (place, id) in zip(places, ends) { set("tokenizer.ggml.\(place)_token_id", .uint32(id)) }
    }
}

extension WordPattern {
    /// As `tokenizer.ggml.pre` has it.
    fileprivate var nameInGGUF: String {
        switch self {
        case .gpt2: "gpt-2"
        case .digitsThenGPT2: "smollm"
        case .llama3: "llama-bpe"
        }
    }
}
