import Checkpoints
import Glibc
import Golden
import Tensors
import Testing

@testable import Models

/// Models converted to GGUF compute what the originals compute, up to the rounding of their weights, and read the same
/// words.
@Suite struct ConversionTests {
    private let folder = TemporaryFolder()

    /// One model of each layout; those of the reference numbers where they are.
    static let models: [String] = [
        Golden.tiny("language.gguf"), Golden.huggingFace("llama"), Golden.fixture("llama-hf"),
        Golden.fixture("v2-dialog/llama"), Golden.fixture("v2-dialog/llama-sharded"),
    ].compactMap(\.self)

    @Test(arguments: models, LanguageSource.Precision.allCases)
    func computesTheSame(_ path: String, _ precision: LanguageSource.Precision) throws {
        let out = folder.place("out.gguf")
        var steps: [Int] = []
        let source = try LanguageSource(path: path)
        let conversion = try source.convert(to: precision, out: out) { done, all in
            steps.append(done)
            #expect(done <= all)
        }
        #expect(steps == steps.sorted() && steps.last == conversion.bytes)
        let (original, converted) = (try LanguageModel(path: path), try LanguageModel(path: out))
        var c = converted.llama.configuration
        // A float32 in the file, a product of two on the way: the same to a rounding.
        for (a, b) in zip(c.ropeFactors, original.llama.configuration.ropeFactors) { #expect(abs(a - b) <= 1e-6 * b) }
        c.ropeFactors = original.llama.configuration.ropeFactors
        #expect(c == original.llama.configuration)
        let worst = try compare(original.llama, converted.llama, precision)
        try compareWords(original, converted)

        let ids = (0..<40).map { $0 * 37 % c.vocabulary }
        let (a, b) = (try Run(original.llama, ids).logits, try Run(converted.llama, ids).logits)
        // As a share of the logits' size, over all of them. Weights are off by a share of 1e-4, 5e-3 or 8e-2, which layers
        // of random weights add up and do not hide as trained ones do.
        let error = norm(zip(a.array, b.array).map { $0 - $1 }) / norm(a.array)
        let allowed: Float = precision == .f16 ? 2e-3 : precision == .q8_0 ? 0.04 : 0.6
        #expect(error <= allowed)
        print(
            "\(path.split(separator: "/").suffix(2).joined(separator: "/")) to \(precision.rawValue): logits differ by a share "
                + "of \(error), weights by \(worst) of what the format allows")
    }

    private func norm(_ x: [Float]) -> Float { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    /// Every weight within the step of its block; returns the largest error as a share of that.
    private func compare(_ a: Llama, _ b: Llama, _ precision: LanguageSource.Precision) throws -> Float {
        #expect(a.norm.array == b.norm.array)
        var worst: Float = 0
        func compare(_ x: Matrix, _ y: Matrix, output: Bool = false) {
            #expect((x.rows, x.columns) == (y.rows, y.columns))
            let expected: ElementType =
                x.columns % 32 == 0 ? output && precision == .q4_0 ? .q8_0 : precision.type : .f16
            #expect(y.type == expected)
            // Half a step of eight bits; a whole one of four at the far end, where there is one step less.
            let allowed: Float = y.type == .f16 ? 5e-4 : y.type == .q8_0 ? 0.5 / 127 + 1e-3 : 1.0 / 8 + 1e-3
            let (wide, narrow) = (x.dequantised().array, y.dequantised().array)
            let block = y.type.blockElements == 1 ? 1 : 32
            for start in stride(from: 0, to: wide.count, by: block) {
                let most = wide[start..<start + block].map(abs).max() ?? 0
                // The smallest halves are 6e-8 apart.
                guard most > 1e-6 else { continue }
                for i in start..<start + block {
                    worst = max(worst, (abs(wide[i] - narrow[i]) - 3e-8) / most / allowed)
                }
            }
        }
        let isTied = !(try GGUF(path: folder.place("out.gguf")).names.contains("output.weight"))
        compare(a.embedding, b.embedding, output: isTied)
        compare(a.output, b.output, output: true)
        for (x, y) in zip(a.layers, b.layers) {
            #expect(x.attentionNorm.array == y.attentionNorm.array && x.ffnNorm.array == y.ffnNorm.array)
            for (v, w) in zip(
                [x.wq, x.wk, x.wv, x.wo, x.w1, x.w2, x.w3], [y.wq, y.wk, y.wv, y.wo, y.w1, y.w2, y.w3])
            { compare(v.weight, w.weight) }
        }
        #expect(worst <= 1)
        return worst
    }

    private func compareWords(_ a: LanguageModel, _ b: LanguageModel) throws {
        #expect(a.tokenizer.vocabularySize == b.tokenizer.vocabularySize)
        #expect(a.tokenizer.bos == b.tokenizer.bos)
        #expect(a.tokenizer.eos == b.tokenizer.eos)
        #expect(try a.template == b.template)
        for text in [
            "Hello, world!", "  two  spaces", "déjà vu 2024 12,345", "这张图片里有一只猫。", "🙂\n\ttab",
            "<|im_start|>user<|im_end|>",
            "[X] [XX] <s>", "\u{0}\u{7F}", "",
        ] {
            for special in [true, false] {
                let ids = a.tokenizer.encode(text, special: special)
                #expect(b.tokenizer.encode(text, special: special) == ids, "\(text)")
                #expect(a.tokenizer.decode(ids) == b.tokenizer.decode(ids), "\(text)")
            }
        }
        for id in 0..<a.tokenizer.vocabularySize {
            if a.tokenizer.bytes(of: id) != b.tokenizer.bytes(of: id)
                || a.tokenizer.isSpecial(id) != b.tokenizer.isSpecial(id)
            {
                Issue.record("token \(id)")
            }
        }
    }

    /// What is as it should be already is copied, not rounded again.
    @Test func convertingTwiceChangesNothing() throws {
        let (first, second) = (folder.place("first.gguf"), folder.place("second.gguf"))
        try LanguageSource(path: Golden.tiny("language.gguf")).convert(to: .q4_0, out: first)
        try LanguageSource(path: first).convert(to: .q4_0, out: second)
        let (a, b) = (try GGUF(path: first), try GGUF(path: second))
        #expect(a.names == b.names)
        for name in a.names {
            #expect(try a.require(name).bytes.buffer.elementsEqual(b.require(name).bytes.buffer), "\(name)")
        }
        #expect(a.metadata["general.file_type"]?.int == 2)
        #expect(
            b.metadata["lorgnette.converted_from"]?.string
                == (try "\(Fingerprint.sha256(of: first)) \(Fingerprint.sha256(of: Golden.tiny("language.gguf")))"))
        #expect(a.metadata["tokenizer.chat_template"]?.string == b.metadata["tokenizer.chat_template"]?.string)
    }

    @Test(
        .enabled(
            if: Golden.fixture("v2-dialog/llama-sharded") != nil, "the reference numbers are not beside the repository")
    )
    func partsBecomeTheSameFile() throws {
        let (whole, parts) = (folder.place("whole.gguf"), folder.place("parts.gguf"))
        try LanguageSource(path: #require(Golden.fixture("v2-dialog/llama"))).convert(to: .q8_0, out: whole)
        try LanguageSource(path: #require(Golden.fixture("v2-dialog/llama-sharded"))).convert(to: .q8_0, out: parts)
        let (a, b) = (try GGUF(path: whole), try GGUF(path: parts))
        for name in a.names {
            #expect(try a.require(name).bytes.buffer.elementsEqual(b.require(name).bytes.buffer), "\(name)")
        }
    }

    /// Positions stretched evenly are a number in a GGUF.
    @Test func linearScalingGoesAlong() throws {
        try folder.linkLlama(
            config: (
                #""rope_parameters""#, #""rope_theta": 5000, "rope_scaling": {"type": "linear", "factor": 4}, "none""#
            ))
        let out = folder.place("out.gguf")
        try LanguageSource(path: folder.path).convert(to: .f16, out: out)
        #expect(try GGUF(path: out).metadata["llama.rope.scaling.factor"]?.double == 4)
        let c = try LanguageModel(path: out).llama.configuration
        #expect(c.ropeFactors == Array(repeating: 4, count: 16) && c.ropeTheta == 5000)
    }

    @Test func whatIsNotWholeIsNotConverted() throws {
        let out = folder.place("out.gguf")
        func fault(_ path: String, to: LanguageSource.Precision = .q8_0) -> String {
            do {
                try LanguageSource(path: path).convert(to: to, out: out)
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        try folder.linkLlama(config: (#""num_hidden_layers": 2"#, #""num_hidden_layers": 3"#))
        #expect(fault(folder.path).contains("model.layers.2.self_attn.q_proj.weight: missing"))
        try folder.linkLlama(config: ("", ""))
        let json = try Golden.lines(of: Golden.huggingFace("llama/tokenizer.json")).joined(separator: "\n")
        for (old, new, expected) in [
            (#""ignore_merges": false"#, #""ignore_merges": true"#, "model.ignore_merges: expected false"),
            (#""individual_digits": true"#, #""individual_digits": false"#, "individual_digits: expected true"),
        ] {
            try #require(json.contains(old))
            unlink(folder.path + "/tokenizer.json")
            _ = folder.write("tokenizer.json", Array(json.replacing(old, with: new).utf8))
            #expect(fault(folder.path).contains(expected))
        }
        // A weight that is no number.
        try folder.linkLlama(config: ("", ""))
        let name = "model-00003-of-00003.safetensors"
        let mapping = try MappedFile(path: Golden.huggingFace("llama/" + name))
        var bytes = withExtendedLifetime(mapping) { Array(mapping.bytes.buffer) }
        let view = try Safetensors(path: mapping.path).require("lm_head.weight")
        let weight = try #require(bytes.indices.first { bytes[$0...].starts(with: view.bytes.buffer.prefix(32)) })
        (bytes[weight + 130], bytes[weight + 131]) = (0, 0x7E)
        unlink(folder.path + "/" + name)
        _ = folder.write(name, bytes)
        let found = fault(folder.path)
        #expect(found.contains("expected values that q8_0 can hold, found one in row 1 that is"), "\(found)")
        #expect(access(out, F_OK) != 0)
        #expect(fault(Golden.huggingFace("clip")).contains(#"model_type: expected "llama", found "clip""#))
        #expect(fault(Golden.huggingFace("none")).contains("cannot be read"))
    }
}
