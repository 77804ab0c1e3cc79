import Checkpoints

extension SentencePiece {
    /// The pieces and settings of a model while it is read: the same from both kinds of file.
    private struct Parts {
        var pieces: [(text: [UInt8], score: Float, type: PieceType)] = []
        var modelType = 1
        var byteFallback = false
        var addsDummyPrefix = true
        var bos: Int? = 1
        var eos: Set<Int> = [2]
        var unknownSurface = " \u{2047} "
        /// Settings that would change ids and are not known here.
        var refused: [String] = []
    }

    /// A SentencePiece `tokenizer.model`. The model must be a BPE without normalisation.
    public init(model path: String) throws {
        let mapping = try MappedFile(path: path)
        var parts = Parts()
        try withExtendedLifetime(mapping) {
            var reader = ProtobufReader(mapping.bytes.buffer, file: path, message: "ModelProto")
            while let (field, value) = try reader.next() {
                guard case .bytes(let bytes) = value else { continue }
                switch field {
                case 1: parts.pieces.append(try Self.piece(bytes, file: path, index: parts.pieces.count))
                case 2: try Self.trainer(bytes, file: path, into: &parts)
                case 3: try Self.normaliser(bytes, file: path, into: &parts)
                default: break
                }
            }
        }
        guard parts.modelType == 2 else {
            throw ModelError.configuration(
                file: path, key: "trainer_spec.model_type", expected: "2 (BPE)", found: "\(parts.modelType)")
        }
        try self.init(parts, file: path)
    }

    /// The tokenizer in a GGUF file's metadata (`tokenizer.ggml.*` with the model `llama`).
    public init(gguf: GGUF) throws {
        let metadata = GGUFTokenizerMetadata(gguf)
        try metadata.expect("tokenizer.ggml.model", "llama")
        let tokens = try metadata.strings("tokenizer.ggml.tokens")
        let types = try metadata.types(count: tokens.count)
        guard let scores = try metadata.array("tokenizer.ggml.scores").doubles, scores.count == tokens.count else {
            throw metadata.fault("tokenizer.ggml.scores", "\(tokens.count) numbers, as many as tokens", "others")
        }
        var parts = Parts()
        tokens.forEachString { text in
            let index = parts.pieces.count
            parts.pieces.append((Array(text), Float(scores[index]), PieceType(rawValue: types[index].rawValue) ?? .normal))
        }
        parts.byteFallback = types.contains(.byte)
        parts.addsDummyPrefix = metadata.bool("tokenizer.ggml.add_space_prefix") ?? true
        parts.bos = try metadata.id("bos", below: tokens.count)
        parts.eos = try metadata.endIDs(below: tokens.count)
        try self.init(parts, file: gguf.file)
    }

    private init(_ parts: Parts, file: String) throws(ModelError) {
        func fault(_ key: String, _ expected: String, _ found: String) -> ModelError {
            .configuration(file: file, key: key, expected: expected, found: found)
        }
        if let refused = parts.refused.first { throw fault(refused, "not set", "set") }
        guard let unknown = parts.pieces.firstIndex(where: { $0.type == .unknown }) else {
            throw fault("pieces", "a piece for the unknown", "none")
        }
        var table = TokenTable()
        var userDefined = SpecialTokens()
        var bytes = [Int](repeating: -1, count: 256)
        var longest = 0
        for (id, piece) in parts.pieces.enumerated() {
            let isMade = piece.type == .normal || piece.type == .userDefined || piece.type == .unused
            guard !piece.score.isNaN else { throw fault("piece \(id)", "a score", "no number") }
            guard !isMade || table.id(of: piece.text) == nil else {
                throw fault("piece \(id)", "a text of its own", "one seen before")
            }
            table.append(piece.text, indexed: isMade)
            if isMade { longest = max(longest, piece.text.count) }
            if piece.type == .userDefined { userDefined.add(piece.text, id: id) }
            guard piece.type == .byte else { continue }
            guard let byte = Self.byte(piece.text) else {
                throw fault("piece \(id)", "<0x00> to <0xFF>", String(decoding: piece.text, as: UTF8.self))
            }
            bytes[Int(byte)] = id
        }
        guard !parts.byteFallback || !bytes.contains(-1) else {
            throw fault("pieces", "a piece for each byte", "\(bytes.count { $0 >= 0 }) of 256")
        }
        func known(_ id: Int) -> Bool { parts.pieces.indices.contains(id) }
        self.table = table
        self.userDefined = userDefined
        self.unknown = unknown
        scores = parts.pieces.map(\.score)
        types = parts.pieces.map(\.type)
        byteIDs = parts.byteFallback ? bytes : []
        addsDummyPrefix = parts.addsDummyPrefix
        longestPiece = longest
        unknownSurface = parts.unknownSurface
        bos = parts.bos.flatMap { known($0) ? $0 : nil }
        eos = parts.eos.filter(known)
    }

    /// `SentencePiece`: piece = 1, score = 2, type = 3.
    private static func piece(
        _ bytes: UnsafeRawBufferPointer, file: String, index: Int
    ) throws -> (text: [UInt8], score: Float, type: PieceType) {
        var text: [UInt8] = []
        var score: Float = 0
        var type = PieceType.normal
        var reader = ProtobufReader(bytes, file: file, message: "piece \(index)")
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let bytes)): text = Array(bytes)
            case (2, .fixed32(let bits)): score = Float(bitPattern: bits)
            case (3, .varint(let number)):
                guard let known = Int(exactly: number).flatMap(PieceType.init) else {
                    throw ModelError.configuration(
                        file: file, key: "piece \(index)", expected: "a type from 1 to 6", found: "\(number)")
                }
                type = known
            default: break
            }
        }
        guard !text.isEmpty else {
            throw ModelError.configuration(file: file, key: "piece \(index)", expected: "a text", found: "none")
        }
        return (text, score, type)
    }

    /// `TrainerSpec`: model_type = 3, treat_whitespace_as_suffix = 24, byte_fallback = 35, bos_id = 41, eos_id = 42,
    /// unk_surface = 44.
    private static func trainer(_ bytes: UnsafeRawBufferPointer, file: String, into parts: inout Parts) throws {
        var reader = ProtobufReader(bytes, file: file, message: "trainer_spec")
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (3, .varint(let number)): parts.modelType = Int(truncatingIfNeeded: number)
            case (24, .varint(1)): parts.refused.append("trainer_spec.treat_whitespace_as_suffix")
            case (35, .varint(let number)): parts.byteFallback = number == 1
            // A negative id says that there is none.
            case (41, .varint(let number)): parts.bos = Int(truncatingIfNeeded: number)
            case (42, .varint(let number)): parts.eos = [Int(truncatingIfNeeded: number)]
            case (44, .bytes): parts.unknownSurface = value.text ?? ""
            default: break
            }
        }
    }

    /// `NormalizerSpec`: precompiled_charsmap = 2, add_dummy_prefix = 3, remove_extra_whitespaces = 4 and
    /// escape_whitespaces = 5 (all true unless said).
    private static func normaliser(_ bytes: UnsafeRawBufferPointer, file: String, into parts: inout Parts) throws {
        var (removesSpaces, escapesSpaces) = (true, true)
        var reader = ProtobufReader(bytes, file: file, message: "normalizer_spec")
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (2, .bytes(let map)): if map.count > 0 { parts.refused.append("normalizer_spec.precompiled_charsmap") }
            case (3, .varint(let number)): parts.addsDummyPrefix = number == 1
            case (4, .varint(let number)): removesSpaces = number == 1
            case (5, .varint(let number)): escapesSpaces = number == 1
            default: break
            }
        }
        if removesSpaces { parts.refused.append("normalizer_spec.remove_extra_whitespaces") }
        if !escapesSpaces { parts.refused.append("normalizer_spec.escape_whitespaces = false") }
    }

    /// The byte of a piece written <0xNN>.
    private static func byte(_ text: [UInt8]) -> UInt8? {
        guard text.count == 6, text.starts(with: Array("<0x".utf8)), text[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: text[3..<5], as: UTF8.self), radix: 16)
    }
}
