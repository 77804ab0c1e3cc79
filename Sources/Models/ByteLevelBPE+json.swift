import Checkpoints

extension ByteLevelBPE {
    /// The tokenizer of a Hugging Face `tokenizer.json` whose model is a byte-level BPE.
    ///
    /// Bos and eos come from `tokenizer_config.json` beside it, where there is one; `ends` are further ids that end an
    /// answer. What the file asks for and is not known here is an error, because ids would be wrong in silence.
    public init(tokenizerJSON path: String, ends more: Set<Int> = []) throws {
        let json = try TokenizerJSON(path: path)
        var parts = Parts()
        let added = try json.addedTokens()
        let vocabulary = try json.vocabulary(added: added)
        for (id, text) in vocabulary.enumerated() {
            if let token = added[id] {
                parts.appendAdded(Array(token.content.utf8), isSpecial: token.isSpecial)
            } else {
                parts.appendNormal(text.utf8)
            }
        }
        let merges = try json.merges()
        parts.merges = MergeTable(count: merges.count)
        for (rank, pair) in merges.enumerated() where !parts.merge(pair.0.utf8, pair.1.utf8, rank: rank) {
            throw ModelError.configuration(
                file: path, key: "model.merges[\(rank)]", expected: "two tokens that make a third",
                found: "\"\(pair.0)\" and \"\(pair.1)\"")
        }
        let split = try json.preTokenizer()
        let ends = try json.ends(special: parts.specials)
        self.init(
            parts, bos: ends.bos, eos: ends.eos.union(more.filter(vocabulary.indices.contains)),
            pattern: split.pattern, addsPrefixSpace: split.prefixSpace,
            ignoresMerges: json.model["ignore_merges"]?.bool ?? false, wantsBegin: ends.wantsBegin)
    }
}
