import Checkpoints
import Glibc
import Golden
import Tensors
import Testing

@testable import Models

/// LLaMAs in Hugging Face's layout against transformers' numbers: the shared one (fixtures/llama-hf), and a smaller one
/// that is always there (Tests/Fixtures/huggingface).
@Suite struct HuggingFaceLlamaTests {
    @Test(
        .enabled(
            if: Golden.fixture("llama-hf/config.json") != nil, "the reference numbers are not beside the repository"),
        arguments: ["config.json", "config.v5.json"])
    func agreesWithTransformers(_ config: String) throws {
        let folder = TemporaryFolder()
        let shared = try #require(Golden.fixture("llama-hf"))
        for name in ["model.safetensors", "tokenizer.json", "tokenizer_config.json"] { folder.link(shared, name) }
        folder.link(shared, config, as: "config.json")
        let model = try LanguageModel(path: folder.path)
        #expect(model.fingerprint == (try Fingerprint.sha256(of: shared + "/model.safetensors")))
        #expect(try model.template?.defaultSystem?.contains("SmolLM") == true)
        #expect(model.tokenizer.eos == [2])
        let expected = shared + "/expected.safetensors"
        let prompts = try #require(try JSONValue(path: shared + "/expected.json")["prompts"]?.array)
        #expect(prompts.count == 3)
        var worst: Float = 0
        func compare(_ found: Tensor, _ key: String) throws {
            let difference = Golden.difference(found, try Golden.tensor(expected, key))
            #expect(difference < 2e-4, "\(key)")
            worst = max(worst, difference)
        }
        for (i, prompt) in prompts.enumerated() {
            let ids = prompt.ids("ids")
            #expect(model.tokenizer.encode(prompt["text"]?.string ?? "", special: true) == ids)
            let run = try Run(model.llama, ids, greedy: prompt.ids("greedy_ids").count)
            try compare(run.logits, "p\(i).logits")
            #expect(run.greedy == prompt.ids("greedy_ids"))
            guard i == 0 else { continue }
            for layer in 0..<4 { try compare(run.hidden[layer], "p0.hidden.\(layer)") }
            let normed = Tensor(ids.count, 144)
            Math.rmsNorm(run.hidden[4], rows: ids.count, weight: model.llama.norm, eps: 1e-5, into: normed)
            try compare(normed, "p0.hidden.4")
        }
        print("llama-hf, \(config): largest difference \(worst)")
    }

    /// Two files, heads wider than width / heads, an output of its own, Llama 3.1's positions.
    @Test func aSmallOneAgreesToo() throws {
        let model = try LanguageModel(path: Golden.huggingFace("llama/"))
        let expected = Golden.huggingFace("expected.safetensors")
        #expect((model.llama.configuration.headSize, model.llama.configuration.vocabulary) == (32, 290))
        #expect(model.tokenizer.eos == [0, 2])
        #expect(try model.template == nil)
        #expect(model.name == "llama")
        #expect(
            model.fingerprint
                == (try Fingerprint.sha256(
                    of: (1...3).map { Golden.huggingFace("llama/model-0000\($0)-of-00003.safetensors") })))
        let ids = try Golden.tensor(expected, "llama.tokens").array.map { Int($0) }
        let greedy = try Golden.tensor(expected, "llama.greedy").array.map { Int($0) }
        let run = try Run(model.llama, ids, greedy: greedy.count)
        let last = run.logits.slice(rows: ids.count - 12..<ids.count)
        #expect(Golden.difference(last, try Golden.tensor(expected, "llama.logits")) < 1e-4)
        for i in 0...2 {
            #expect(Golden.difference(run.hidden[i], try Golden.tensor(expected, "llama.hidden.\(i)")) < 1e-4, "\(i)")
        }
        #expect(run.greedy == greedy)
    }

    @Test(arguments: [
        ("linear", RopeScaling.linear(factor: 2.5)),
        ("llama3", .llama3(factor: 8, low: 1, high: 4, context: 64)),
    ])
    func positionsAreStretchedAsThere(_ kind: String, _ scaling: RopeScaling) throws {
        let expected = try Golden.tensor(Golden.huggingFace("expected.safetensors"), "rope." + kind).array
        let factors = scaling.factors(theta: 10000, size: 32)
        for (i, (factor, frequency)) in zip(factors, expected).enumerated() {
            let found = Float(pow(10000, -Double(i) / 16)) / factor
            #expect(abs(found - frequency) <= 1e-6 * frequency, "\(i)")
        }
    }

    /// The committed configuration with a change, and what is said of it.
    @Test(arguments: [
        (#""model_type": "llama""#, #""model_type": "mamba""#, #"model_type: expected "llama", found "mamba""#),
        (#""hidden_act": "silu""#, #""hidden_act": "gelu""#, #"hidden_act: expected "silu" or "swish", found "gelu""#),
        (#""mlp_bias": false"#, #""mlp_bias": true"#, "mlp_bias: expected false (not supported), found true"),
        (#""mlp_bias": false"#, #""mlp_bias": 1"#, "mlp_bias: expected true or false, found 1"),
        (
            #""rope_type": "llama3""#, #""rope_type": "yarn""#,
            #"rope_parameters.rope_type: expected "default" or "linear" or "llama3", found "yarn""#
        ),
        (#""factor": 8.0"#, #""factor": 0"#, "rope_parameters.factor: expected a number above 0, found 0"),
        (#""high_freq_factor": 4.0"#, #""high_freq_factor": 1"#, "high_freq_factor: expected a number above 1.0"),
        (#""num_key_value_heads": 2"#, #""num_key_value_heads": 3"#, "num_key_value_heads: expected a divisor of 4"),
        (#""head_dim": 32"#, #""head_dim": 31"#, "head_dim: expected an even number, found 31"),
        (#""hidden_size": 64"#, #""hidden_size": 9e99"#, "hidden_size: expected a number from 1 to 65536"),
        (
            #""vocab_size": 290"#, #""vocab_size": 291"#,
            "model.embed_tokens.weight: expected shape [291, 64], found shape [290, 64]"
        ),
        (#""num_hidden_layers": 2"#, #""num_hidden_layers": 1"#, "model.layers.1.mlp.down_proj.weight: unexpected"),
        (
            #""num_hidden_layers": 2"#, #""quantization_config": {"quant_method": "gptq"}, "num_hidden_layers": 2"#,
            #"quantization_config: expected weights as they were trained, found "gptq""#
        ),
    ])
    func configurationsAreChecked(_ old: String, _ new: String, _ expected: String) throws {
        let folder = TemporaryFolder()
        try folder.linkLlama(config: (old, new))
        #expect {
            _ = try LanguageModel(path: folder.path)
        } throws: {
            "\($0)".contains(expected)
        }
    }

    /// Older files say the same in other places, and a tied output is the embedding whatever else is in the file.
    @Test func olderFilesAreRead() throws {
        let folder = TemporaryFolder()
        try folder.linkLlama(
            config: (
                #""rope_parameters""#, #""rope_theta": 5000, "rope_scaling": {"type": "linear", "factor": 4}, "none""#
            ))
        let c = try LanguageSource(path: folder.path).configuration
        #expect(c.ropeTheta == 5000)
        #expect(c.ropeFactors == Array(repeating: 4, count: 16))
        try folder.linkLlama(config: (#""tie_word_embeddings": false"#, #""tie_word_embeddings": true"#))
        let tied = try LanguageModel(path: folder.path).llama
        #expect(tied.output.dequantised().array == tied.embedding.dequantised().array)
    }

    @Test func whatIsMissingIsNamed() throws {
        let folder = TemporaryFolder()
        func fault() -> String {
            do {
                _ = try LanguageModel(path: folder.path)
                return "no error"
            } catch {
                return "\(error)".replacing(folder.path, with: "F")
            }
        }
        _ = folder.write("config.json", Array("{".utf8))
        #expect(fault().hasPrefix("F/config.json: "))
        _ = folder.write("config.json", Array("{}".utf8))
        #expect(fault() == "F: model.safetensors: expected it or model.safetensors.index.json, found neither")
        _ = folder.write("pytorch_model.bin", [1])
        #expect(fault() == "F: model.safetensors: expected it or model.safetensors.index.json, found pytorch_model.bin")
        try folder.linkLlama(config: ("", ""), tokenizer: false)
        #expect(fault() == "F: tokenizer: expected tokenizer.json or tokenizer.model, found neither")
    }
}

/// What a LLaMA computes for some tokens, and the likeliest that follow.
struct Run {
    let logits: Tensor
    var hidden: [Tensor] = []
    var greedy: [Int] = []

    init(_ llama: Llama, _ ids: [Int], greedy count: Int = 0) throws {
        let state = try Llama.State(llama, capacity: ids.count + count)
        let c = llama.configuration
        let hidden = (0...c.layers).map { _ in Tensor(ids.count, c.width) }
        logits = try llama.forward(ids, state, logits: .all) { i, x, rows, position in
            hidden[i].row(position).update(from: x.data, count: rows * c.width)
        }
        self.hidden = hidden
        guard count > 0 else { return }
        greedy = [argmax(logits.slice(rows: ids.count - 1..<ids.count))]
        while greedy.count < count { greedy.append(argmax(try llama.forward([greedy[greedy.count - 1]], state))) }
    }
}

extension TemporaryFolder {
    /// Puts a file of another folder into this one.
    func link(_ folder: String, _ name: String, as new: String? = nil) {
        let to = place(new ?? name)
        unlink(to)
        symlink("\(folder)/\(name)", to)
    }

    /// The committed LLaMA of Hugging Face's layout with a change in its configuration.
    func linkLlama(config: (old: String, new: String), tokenizer: Bool = true) throws {
        let folder = Golden.huggingFace("llama")
        for i in 1...3 { link(folder, "model-0000\(i)-of-00003.safetensors") }
        link(folder, "model.safetensors.index.json")
        if tokenizer { link(folder, "tokenizer.json") }
        let text = try Golden.lines(of: folder + "/config.json").joined(separator: "\n")
        if !config.old.isEmpty { try #require(text.contains(config.old)) }
        _ = write(
            "config.json", Array(config.old.isEmpty ? text.utf8 : text.replacing(config.old, with: config.new).utf8))
    }
}
