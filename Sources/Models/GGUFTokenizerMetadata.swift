import Checkpoints

/// The `tokenizer.ggml.*` metadata, checked as it is taken.
struct GGUFTokenizerMetadata {
    /// The kinds of tokens, by their number in the file.
    enum TokenType: Int {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    private let gguf: GGUF

    init(_ gguf: GGUF) { self.gguf = gguf }

    func string(_ key: String) -> String? { gguf.metadata[key]?.string }

    func bool(_ key: String) -> Bool? { gguf.metadata[key]?.bool }

    func fault(_ key: String, _ expected: String, _ found: String) -> ModelError {
        .configuration(file: gguf.file, key: key, expected: expected, found: found)
    }

    func expect(_ key: String, _ value: String) throws(ModelError) {
        guard string(key) == value else { throw fault(key, value, string(key) ?? "none") }
    }

    func array(_ key: String) throws(ModelError) -> MetadataArray {
        guard let array = gguf.metadata[key]?.array else {
            throw fault(key, "an array", gguf.metadata[key]?.kind ?? "none")
        }
        return array
    }

    func strings(_ key: String) throws(ModelError) -> MetadataArray {
        let array = try array(key)
        guard array.isOfStrings else { throw fault(key, "an array of strings", "an array of something else") }
        return array
    }

    /// The type of each token.
    func types(count: Int) throws(ModelError) -> [TokenType] {
        let key = "tokenizer.ggml.token_type"
        guard let numbers = try array(key).integers, numbers.count == count else {
            throw fault(key, "\(count) integers, as many as tokens", "\(try array(key).count) values")
        }
        var types: [TokenType] = []
        types.reserveCapacity(count)
        for number in numbers {
            guard let type = TokenType(rawValue: number) else { throw fault(key, "types from 1 to 6", "\(number)") }
            types.append(type)
        }
        return types
    }

    /// `tokenizer.ggml.NAME_token_id`; nil if the file has none.
    func id(_ name: String, below count: Int) throws(ModelError) -> Int? {
        let key = "tokenizer.ggml.\(name)_token_id"
        guard let value = gguf.metadata[key] else { return nil }
        // 2³² − 1 is how some files write "none".
        if value.int == Int(UInt32.max) { return nil }
        guard let id = value.int, (0..<count).contains(id) else {
            throw fault(key, "an id below \(count)", value.int.map(String.init) ?? value.kind)
        }
        return id
    }

    /// The ids that end an answer: end of sequence, of turn, of message.
    func endIDs(below count: Int) throws(ModelError) -> Set<Int> {
        var ids: Set<Int> = []
        for name in ["eos", "eot", "eom"] {
            if let id = try id(name, below: count) { ids.insert(id) }
        }
        return ids
    }
}
