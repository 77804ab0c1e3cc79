import Checkpoints

extension ByteLevelBPE {
    /// The tokenizer in a GGUF file's metadata (`tokenizer.ggml.*` with the model `gpt2`).
    ///
    /// The pre-tokenizers `smollm` (digits one by one, then GPT-2's pattern), `gpt-2` and `llama-bpe` (Llama 3's, which
    /// takes words that are tokens whole) are known; another is an error.
    public init(gguf: GGUF) throws {
        let metadata = GGUFTokenizerMetadata(gguf)
        try metadata.expect("tokenizer.ggml.model", "gpt2")
        let pattern: WordPattern
        switch metadata.string("tokenizer.ggml.pre") {
        case "smollm": pattern = .digitsThenGPT2
        case "gpt-2": pattern = .gpt2
        case let name? where WordPattern.llama3Names.contains(name): pattern = .llama3
        case let found: throw metadata.fault("tokenizer.ggml.pre", "smollm, gpt-2 or llama-bpe", found ?? "none")
        }
        let tokens = try metadata.strings("tokenizer.ggml.tokens")
        let types = try metadata.types(count: tokens.count)
        var parts = Parts()
        var id = 0
        tokens.forEachString { text in
            switch types[id] {
            case .normal: parts.appendNormal(text)
            case .control, .unknown: parts.appendAdded(Array(text), isSpecial: true)
            case .userDefined: parts.appendAdded(Array(text), isSpecial: false)
            case .unused, .byte: parts.table.append(text, indexed: false)
            }
            id += 1
        }
        let merges = try metadata.strings("tokenizer.ggml.merges")
        parts.merges = MergeTable(count: merges.count)
        var rank = 0
        // Merges are written "left right"; no part has a space in it. One without its tokens can never happen, and some
        // files have such.
        merges.forEachString { line in
            let space = line.firstIndex(of: 0x20) ?? line.endIndex
            _ = parts.merge(line[..<space], line[space...].dropFirst(), rank: rank)
            rank += 1
        }
        self.init(
            parts, bos: try metadata.id("bos", below: id), eos: try metadata.endIDs(below: id), pattern: pattern,
            ignoresMerges: pattern == .llama3,
            wantsBegin: gguf.metadata["tokenizer.ggml.add_bos_token"]?.bool ?? (pattern == .llama3))
    }
}
