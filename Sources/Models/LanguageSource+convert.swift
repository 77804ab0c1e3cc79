import Checkpoints
import Tensors

extension LanguageSource {
    /// What weights can be converted to: 34 or 18 bytes for 32 of them, or two bytes for each.
    public enum Precision: String, CaseIterable, Sendable {
        case q8_0, q4_0, f16

        var type: ElementType {
            switch self {
            case .q8_0: .q8_0
            case .q4_0: .q4_0
            case .f16: .f16
            }
        }

        /// The number of llama.cpp's `general.file_type`.
        var fileType: Int {
            switch self {
            case .q8_0: 7
            case .q4_0: 2
            case .f16: 1
            }
        }
    }

    /// What a conversion wrote.
    public struct Conversion: Sendable {
        public let tensors: Int
        /// Matrices whose rows are no whole blocks: they are f16.
        public let unquantised: [String]
        /// Size of all tensors.
        public let bytes: Int
    }

    /// Writes the model and its tokenizer as a GGUF that computes the same up to the rounding of its weights.
    ///
    /// Matrices get the precision asked for, but for the output (or an embedding that serves as one), which stays at
    /// q8_0 in a q4_0 file, because every token's likelihood goes through it; norms are f32. Tensors are read, rounded and
    /// written in turn, a few rows at a time. `progress` is told how many bytes of how many are written. The file is there
    /// when it is whole, or not at all.
    ///
    /// Throws `CheckpointError` or `ModelError` for a model that is not whole, a value that the precision cannot hold, or
    /// a tokenizer that a GGUF cannot say.
    @discardableResult
    public func convert(
        to precision: Precision, out path: String, progress: (_ done: Int, _ all: Int) throws -> Void = { _, _ in }
    ) throws -> Conversion {
        let parts = try parts()
        var writer = GGUFWriter()
        try describe(precision, &writer)
        var unquantised: [String] = []
        for part in parts {
            var type = part.type(at: precision)
            if part.shape.last.map({ $0 % type.blockElements != 0 }) ?? false {
                type = .f16
                unquantised.append(part.name)
            }
            writer.add(part.name, type, part.shape)
        }
        let factors = checkpoint is GGUF ? [] : configuration.ropeFactors
        let isUneven = factors.contains { $0 != factors[0] }
        if isUneven { writer.add(Self.frequencies, .f32, [factors.count]) }

        let all = writer.tensors.reduce(0) { $0 + $1.byteCount }
        var done = 0
        var next = parts.makeIterator()
        try writer.write(to: path) { tensor, put in
            func count(_ bytes: UnsafeRawBufferPointer) throws {
                try put(bytes)
                done += bytes.count
                try progress(done, all)
            }
            if let part = next.next() {
                try write(part, as: tensor.type, count)
            } else {
                try factors.withUnsafeBytes(count)
            }
        }
        return Conversion(tensors: writer.tensors.count, unquantised: unquantised, bytes: all)
    }

    static let frequencies = "rope_freqs.weight"

    /// A tensor that is converted.
    private struct Part {
        /// In the GGUF, and in the source.
        let name: String
        let key: String
        let shape: [Int]
        /// Rows that are put in another order (see `LlamaKeys.turnsHalves`).
        var isTurned = false
        /// Whether logits are made by it.
        var isOutput = false

        func type(at precision: Precision) -> ElementType {
            if shape.count == 1 { return .f32 }
            return isOutput && precision == .q4_0 ? .q8_0 : precision.type
        }
    }

    /// The tensors in the order of the file, each checked to be there in the right shape, and no others to be.
    private func parts() throws(ModelError) -> [Part] {
        let (c, g) = (configuration, LlamaKeys.gguf)
        let isTied = keys.isTied ?? !checkpoint.names.contains(keys.output)
        var parts = [
            Part(name: g.embedding, key: keys.embedding, shape: [c.vocabulary, c.width], isOutput: isTied)
        ]
        for i in 0..<c.layers {
            func part(_ name: String, _ key: String, _ shape: Int..., isTurned: Bool = false) -> Part {
                Part(
                    name: "\(g.layer).\(i).\(name).weight", key: "\(keys.layer).\(i).\(key).weight", shape: shape,
                    isTurned: isTurned)
            }
            parts += [
                part(g.attentionNorm, keys.attentionNorm, c.width),
                part(g.wq, keys.wq, c.queryWidth, c.width, isTurned: keys.turnsHalves),
                part(g.wk, keys.wk, c.kvWidth, c.width, isTurned: keys.turnsHalves),
                part(g.wv, keys.wv, c.kvWidth, c.width),
                part(g.wo, keys.wo, c.width, c.queryWidth),
                part(g.ffnNorm, keys.ffnNorm, c.width),
                part(g.w1, keys.w1, c.hidden, c.width),
                part(g.w2, keys.w2, c.width, c.hidden),
                part(g.w3, keys.w3, c.hidden, c.width),
            ]
        }
        parts.append(Part(name: g.norm, key: keys.norm, shape: [c.width]))
        if !isTied {
            parts.append(Part(name: g.output, key: keys.output, shape: [c.vocabulary, c.width], isOutput: true))
        }
        if checkpoint is GGUF, checkpoint.names.contains(Self.frequencies) {
            parts.append(Part(name: Self.frequencies, key: Self.frequencies, shape: [c.ropeSize / 2]))
        }
        let w = WeightReader(checkpoint)
        for part in parts { w.look(part.key, part.shape) }
        for key in keys.ignored { w.ignore(key) }
        for i in 0..<c.layers {
            for key in keys.ignoredInLayers { w.ignore("\(keys.layer).\(i).\(key)") }
        }
        w.refuseTheRest()
        try w.check()
        return parts
    }

    /// Hands the bytes of a tensor on, rounded to `type`.
    private func write(
        _ part: Part, as type: ElementType, _ put: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let view = try checkpoint.require(part.key, shape: part.shape)
        if view.type == type, !part.isTurned {
            return try withExtendedLifetime(view.bytes.owner) { try put(view.bytes.buffer) }
        }
        let columns = part.shape.last ?? 1
        let matrix = try view.matrix(rows: part.shape.dropLast().reduce(1, *), columns: columns)
        let rowBytes = type.byteCount(elements: columns) ?? 0
        let most = max(1, min(matrix.rows, (1 << 20) / max(1, columns)))
        let wide = Tensor(most, columns)
        let wrong = Tensor(most)
        let narrow = UnsafeMutableRawBufferPointer.allocate(byteCount: most * rowBytes, alignment: 64)
        defer { narrow.deallocate() }
        nonisolated(unsafe) let out = narrow
        for first in stride(from: 0, to: matrix.rows, by: most) {
            let rows = min(most, matrix.rows - first)
            ThreadPool.shared.run(rows) { [keys, configuration] r in
                let row = part.isTurned ? keys.source(ofRow: first + r, headSize: configuration.headSize) : first + r
                matrix.row(row, into: wide.row(r))
                let to = UnsafeMutableRawBufferPointer(rebasing: out[r * rowBytes..<(r + 1) * rowBytes])
                guard let to = to.baseAddress else { return }
                if !Narrowing.write(wide.row(r), count: columns, as: type, to: to) { wrong.data[r] = 1 }
            }
            if let bad = (0..<rows).first(where: { wrong.data[$0] != 0 }) {
                throw CheckpointError.malformed(
                    file: view.file, key: part.key, expected: "values that \(type.rawValue) can hold",
                    found: "one in row \(first + bad) that is no number or too large")
            }
            try put(UnsafeRawBufferPointer(rebasing: narrow[..<(rows * rowBytes)]))
        }
    }

    /// The metadata: a GGUF's own, or what the other layouts say in other words.
    private func describe(_ precision: Precision, _ writer: inout GGUFWriter) throws {
        if case .gguf(let gguf) = words {
            writer.copyMetadata(of: gguf)
        } else {
            let c = configuration
            writer.set("general.architecture", .string("llama"))
            writer.set("general.name", .string(name))
            for (key, number) in [
                ("vocab_size", c.vocabulary), ("context_length", c.context), ("embedding_length", c.width),
                ("block_count", c.layers), ("feed_forward_length", c.hidden), ("attention.head_count", c.heads),
                ("attention.head_count_kv", c.kvHeads), ("attention.key_length", c.headSize),
                ("attention.value_length", c.headSize), ("rope.dimension_count", c.ropeSize),
            ] { writer.set("llama." + key, .uint32(number)) }
            writer.set("llama.attention.layer_norm_rms_epsilon", .float32(c.normEps))
            writer.set("llama.rope.freq_base", .float32(c.ropeTheta))
            // One factor for all is a number there; several are a tensor.
            if let factor = c.ropeFactors.first, c.ropeFactors.allSatisfy({ $0 == factor }) {
                writer.set("llama.rope.scaling.type", .string("linear"))
                writer.set("llama.rope.scaling.factor", .float32(factor))
            }
            try writer.set(words, template: templateText?.text)
        }
        writer.set("general.file_type", .uint32(precision.fileType))
        writer.set("general.quantization_version", .uint32(2))
        // An adapter for any of them is one for what is written.
        writer.set(Self.originKey, .string((try [fingerprint()] + origins).joined(separator: " ")))
    }
}
