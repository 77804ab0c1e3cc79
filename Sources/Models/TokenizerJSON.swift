import Checkpoints

/// A tokenizer.json, checked as it is taken.
struct TokenizerJSON {
    struct AddedToken {
        let content: String
        let isSpecial: Bool
    }

    let path: String
    let root: JSONValue
    let model: JSONValue

    init(path: String) throws {
        self.path = path
        root = try JSONValue(path: path)
        model = root["model"] ?? .null
        // Older files leave the type out.
        try require(
            model["type"].map { $0.string == "BPE" } ?? (model["merges"] != nil), "model.type", "BPE", model["type"])
        for name in ["continuing_subword_prefix", "end_of_word_suffix"] {
            let value = model[name] ?? .null
            try require(value.isNull || value.string == "", "model.\(name)", "none", value)
        }
        try require(model["byte_fallback"]?.bool != true, "model.byte_fallback", "false", model["byte_fallback"])
        try require((model["dropout"] ?? .null).isNull, "model.dropout", "none", model["dropout"])
        try require((model["unk_token"] ?? .null).isNull, "model.unk_token", "none", model["unk_token"])
        let normalizer = root["normalizer"] ?? .null
        try require(normalizer.isNull, "normalizer", "none", normalizer["type"] ?? normalizer)
    }

    /// Added tokens by id.
    func addedTokens() throws -> [Int: AddedToken] {
        var tokens: [Int: AddedToken] = [:]
        for (index, value) in (root["added_tokens"]?.array ?? []).enumerated() {
            let key = "added_tokens[\(index)]"
            guard let id = value["id"]?.int, id >= 0, let content = value["content"]?.string, !content.isEmpty else {
                throw fault(key, "an id and a content", value)
            }
            for flag in ["single_word", "lstrip", "rstrip"] {
                try require(value[flag]?.bool != true, "\(key).\(flag)", "false", value[flag])
            }
            tokens[id] = AddedToken(content: content, isSpecial: value["special"]?.bool ?? false)
        }
        return tokens
    }

    /// The text of each id; ids must be 0 ..< count without gaps.
    func vocabulary(added: [Int: AddedToken]) throws -> [String] {
        guard let members = model["vocab"]?.members else { throw fault("model.vocab", "an object", model["vocab"]) }
        let (last, most) = (added.keys.max() ?? -1, members.count + added.count)
        guard last < most else { throw fault("added_tokens", "ids up to \(most - 1)", .int(last)) }
        let count = max(members.count, last + 1)
        var texts = [String?](repeating: nil, count: count)
        for member in members {
            guard let id = member.value.int, (0..<count).contains(id), texts[id] == nil else {
                throw fault("model.vocab.\(member.name)", "an id of its own below \(count)", member.value)
            }
            texts[id] = member.name
        }
        for (id, token) in added { texts[id] = token.content }
        return try texts.enumerated().map { id, text in
            guard let text else { throw fault("model.vocab", "a token of id \(id)", nil) }
            return text
        }
    }

    /// Merges, written as "left right" or as pairs.
    func merges() throws -> [(String, String)] {
        guard let values = model["merges"]?.array else { throw fault("model.merges", "an array", model["merges"]) }
        return try values.enumerated().map { rank, value in
            if let pair = value.array, pair.count == 2, let left = pair[0].string, let right = pair[1].string {
                return (left, right)
            }
            guard let text = value.string?.utf8, let space = text.firstIndex(of: 0x20) else {
                throw fault("model.merges[\(rank)]", "two parts", value)
            }
            return (String(text[..<space]) ?? "", String(text[text.index(after: space)...]) ?? "")
        }
    }

    /// Byte level, alone, after digits, or after Llama 3's pattern.
    func preTokenizer() throws -> (pattern: WordPattern, prefixSpace: Bool) {
        let value = root["pre_tokenizer"] ?? .null
        var steps = value["pretokenizers"]?.array ?? [value]
        var pattern = WordPattern.gpt2
        if let first = steps.first, first["type"]?.string == "Digits" {
            try require(
                first["individual_digits"]?.bool == true, "pre_tokenizer.individual_digits", "true",
                first["individual_digits"])
            pattern = .digitsThenGPT2
            steps.removeFirst()
        } else if let first = steps.first, first["type"]?.string == "Split" {
            let text = first["pattern"]?["Regex"]
            try require(text?.string == WordPattern.llama3Text, "pre_tokenizer.pattern", "Llama 3's", text)
            try require(
                first["behavior"]?.string == "Isolated", "pre_tokenizer.behavior", "\"Isolated\"", first["behavior"])
            try require(first["invert"]?.bool != true, "pre_tokenizer.invert", "false", first["invert"])
            pattern = .llama3
            steps.removeFirst()
        }
        let known = "ByteLevel, alone or after Digits or Split"
        guard steps.count == 1 else {
            throw fault(
                "pre_tokenizer", known, .string(steps.map { $0["type"]?.kind ?? "none" }.joined(separator: ", ")))
        }
        try require(steps[0]["type"]?.string == "ByteLevel", "pre_tokenizer", known, steps[0]["type"])
        let usesRegex = steps[0]["use_regex"]?.bool ?? true
        try require(
            usesRegex == (pattern != .llama3), "pre_tokenizer.use_regex", "\(pattern != .llama3)", steps[0]["use_regex"]
        )
        let prefixSpace = steps[0]["add_prefix_space"]?.bool ?? true
        try require(
            !(prefixSpace && pattern != .gpt2), "pre_tokenizer.add_prefix_space", "false after another step",
            .bool(true))
        return (pattern, prefixSpace)
    }

    /// Bos and eos of tokenizer_config.json in the same folder, and whether texts begin with the former: as it says, or as
    /// the post-processor does.
    func ends(special: SpecialTokens) throws -> (bos: Int?, eos: Set<Int>, wantsBegin: Bool) {
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[...$0] } ?? ""
        let config = (try? JSONValue(path: "\(folder)tokenizer_config.json")) ?? .null
        func id(_ name: String) -> Int? {
            // Written as a string, or as an object with the string in it.
            (config[name]?.string ?? config[name]?["content"]?.string).flatMap { special.id(of: Array($0.utf8)) }
        }
        let first = firstOfTemplate.flatMap { special.id(of: Array($0.utf8)) }
        let bos = id("bos_token") ?? first
        return (
            bos, Set([id("eos_token")].compactMap { $0 }),
            config["add_bos_token"]?.bool ?? (bos != nil && first == bos)
        )
    }

    /// The special token that the post-processor puts before a text.
    private var firstOfTemplate: String? {
        let value = root["post_processor"] ?? .null
        let template = (value["processors"]?.array ?? [value]).first { $0["type"]?.string == "TemplateProcessing" }
        return template?["single"]?.array?.first?["SpecialToken"]?["id"]?.string
    }

    private func require(_ condition: Bool, _ key: String, _ expected: String, _ found: JSONValue?) throws {
        guard condition else { throw fault(key, expected, found) }
    }

    private func fault(_ key: String, _ expected: String, _ found: JSONValue?) -> ModelError {
        .configuration(file: path, key: key, expected: expected, found: found?.kind ?? "none")
    }
}
