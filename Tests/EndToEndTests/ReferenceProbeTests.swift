import Foundation
import Golden
import Testing

/// `lorgnette models probe` on every folder of the reference numbers, as a person types it: every layer's hidden state,
/// logits and greedy tokens, within the tolerance that the folder's README gives.
@Suite(
    .enabled(if: Golden.fixture("v1/expected.json") != nil, "the reference numbers are not beside the repository"))
struct ReferenceProbeTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private func folder(_ name: String) throws -> String { try #require(Golden.fixture(name)) }

    private func json(_ path: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func tokens(_ row: [String: Any], _ key: String = "ids") throws -> String {
        try #require(row[key] as? [Int]).map(String.init).joined(separator: ",")
    }

    /// What the reference has of `prefix` in `expected`, and the greedy tokens.
    private func compare(
        _ probed: Probed, _ expected: String, _ prefix: String, layers: Int, greedy: [Int]?, _ tolerance: Float
    ) throws {
        #expect(probed.ended.status == 0, "\(probed.ended.errors)")
        let logits = probed.difference("logits", expected, prefix + "logits")
        // Of the longest prompts and of some modes the reference keeps the tokens alone.
        let isKept = (try? Golden.tensor(expected, prefix + "logits")) != nil
        #expect(!isKept || logits < tolerance, "\(prefix)logits: \(logits)")
        if (try? Golden.tensor(expected, prefix + "hidden.0")) != nil {
            for (i, difference) in probed.hiddenDifferences(expected, prefix: prefix, layers: layers).enumerated() {
                #expect(difference < tolerance, "\(prefix)hidden.\(i): \(difference)")
            }
        }
        if let greedy { #expect(try probed.integers("greedy") == greedy, "\(prefix)") }
    }

    @Test func v1() throws {
        let folder = try folder("v1")
        let adapters = try #require(json(folder + "/expected.json")["adapters"] as? [[String: Any]])
        #expect(adapters.count == 2)
        for adapter in adapters {
            let file = try #require(adapter["file"] as? String)
            for (i, prompt) in try #require(adapter["prompts"] as? [[String: Any]]).enumerated() {
                for (gating, mode) in [("raw", "inference"), ("tanh", "training")] {
                    let run = try bench.probe([
                        "--language", folder + "/llama", "--adapter", "\(folder)/\(file)", "--gating", gating,
                        "--tokens", tokens(prompt), "--greedy", "24", "--layers",
                    ])
                    let length = try #require(adapter["adapter_len"] as? Int)
                    try compare(
                        run, folder + "/expected.safetensors", "len\(length).p\(i).\(mode).", layers: 6,
                        greedy: (prompt[mode] as? [String: Any])?["greedy_ids"] as? [Int], 4e-4)
                }
            }
        }
    }

    @Test(arguments: ["llama", "llama-sharded"]) func dialog(_ base: String) throws {
        let folder = try folder("v2-dialog")
        for conversation in try #require(json(folder + "/expected.json")["cases"] as? [[String: Any]]) {
            let name = try #require(conversation["case"] as? String)
            for (i, turn) in try #require(conversation["turns"] as? [[String: Any]]).enumerated() {
                let run = try bench.probe([
                    "--language", "\(folder)/\(base)", "--adapter",
                    folder + "/chat_llama7b_bias_scale_norm_tuning_v1.pth",
                    "--tokens", tokens(turn), "--greedy", "24", "--layers",
                ])
                try compare(
                    run, folder + "/expected.safetensors", "\(name).t\(i).", layers: 6,
                    greedy: #require(turn["greedy_ids"] as? [Int]), 2e-3)
            }
        }
    }

    /// With the photo, and without: then the adapter's own prompts act alone. The heads are what hparams.json says.
    @Test(arguments: [
        ("v2-multimodal-bias", "BIAS-7B.pth", Float(3e-4)), ("v2-multimodal-lora", "LORA-BIAS-7B.pth", Float(8e-4)),
    ])
    func multimodal(_ name: String, _ adapter: String, _ tolerance: Float) throws {
        let folder = try folder(name)
        let expected = folder + "/expected.safetensors"
        for (i, prompt) in try #require(json(folder + "/expected.json")["prompts"] as? [[String: Any]]).enumerated() {
            let conditions = try #require(prompt["conditions"] as? [String: [String: Any]])
            for (condition, picture) in [
                ("image", ["--vision", folder + "/clip.pt", "--image", folder + "/photo.png"]), ("static", []),
            ] {
                let run = try bench.probe(
                    [
                        "--language", folder + "/llama", "--adapter", "\(folder)/\(adapter)", "--tokens",
                        tokens(prompt),
                        "--greedy", "24", "--layers",
                    ] + picture)
                try compare(
                    run, expected, "p\(i).\(condition).", layers: 6,
                    greedy: conditions[condition]?["greedy_ids"] as? [Int], tolerance)
                guard condition == "image", i == 0 else { continue }
                #expect(run.difference("pixels", expected, "image.rgb") < 1e-6)
                #expect(run.difference("visual_features", expected, "image.clip_tokens") < 1e-5)
                #expect(run.difference("visual_query", expected, "image.visual_query") < 1e-5)
                for i in 0...3 {
                    let key = i == 0 ? "image.clip.ln_pre" : "image.clip.resblock.\(i - 1)"
                    #expect(run.difference("visual_hidden.\(i)", expected, key) < 2e-5, "\(key)")
                }
            }
        }
        let jpeg = try bench.probe(["--vision", folder + "/clip.pt", "--image", folder + "/photo.jpg"])
        #expect(jpeg.difference("pixels", expected, "image.jpg") < 1e-6)
    }

    @Test(arguments: [
        ("clip-openai", "ViT-tiny.pt", "clip_tokens", 3), ("clip-openai", "ViT-tiny-jit.pt", "clip_tokens", 3),
        ("clip-hf", "", "all_tokens_projected", 3), ("dinov2-hf", "", "last_hidden_state", 3),
        ("dinov2-hf", "swiglu", "swiglu.last_hidden_state", 2),
    ])
    func vision(_ name: String, _ file: String, _ features: String, _ layers: Int) throws {
        let folder = try folder(name)
        let expected = folder + "/expected.safetensors"
        let isOpenAI = name == "clip-openai"
        let run = try bench.probe([
            "--vision", "\(folder)/\(file)", "--image", folder + "/photo.png", "--layers",
        ])
        #expect(run.ended.status == 0, "\(run.ended.errors)")
        #expect(run.difference("pixels", expected, isOpenAI ? "image.rgb" : "pixel_values") < 1e-6)
        #expect(run.difference("visual_features", expected, features) < 1e-4)
        guard file != "swiglu" else { return }
        for i in 0...layers {
            let key = !isOpenAI ? "hidden.\(i)" : i == 0 ? "ln_pre" : "resblock.\(i - 1)"
            #expect(run.difference("visual_hidden.\(i)", expected, key) < 1e-4, "\(key)")
        }
    }

    /// The reference's last hidden state has passed the last norm.
    @Test func huggingFace() throws {
        let folder = try folder("llama-hf")
        let expected = folder + "/expected.safetensors"
        for (i, prompt) in try #require(json(folder + "/expected.json")["prompts"] as? [[String: Any]]).enumerated() {
            let text = try #require((prompt["text"] ?? prompt["prompt"]) as? String)
            let run = try bench.probe(["--language", folder, "--prompt", text, "--greedy", "24", "--layers"])
            #expect(run.ended.status == 0, "\(run.ended.errors)")
            #expect(try run.integers("tokens") == prompt["ids"] as? [Int])
            #expect(try run.integers("greedy") == prompt["greedy_ids"] as? [Int])
            #expect(run.difference("logits", expected, "p\(i).logits") < 2e-4)
            guard i == 0 else { continue }
            for layer in 0..<4 {
                #expect(run.difference("hidden.\(layer)", expected, "p0.hidden.\(layer)") < 2e-4, "\(layer)")
            }
            #expect(run.difference("final_norm", expected, "p0.hidden.4") < 2e-4)
        }
    }

    /// The tolerance is that of the tests of the model: its weights are multiplied as they are stored.
    @Test(.enabled(if: Golden.smolLM2 != nil, "the SmolLM2 GGUF is not in the data folder: make setup fetches it"))
    func smolLM2() throws {
        let prompts = try #require(json(folder("smollm2") + "/expected.json")["prompts"] as? [[String: Any]])
        let (model, prompt) = (try #require(Golden.smolLM2), try #require(prompts.first))
        let text = try #require(prompt["text"] as? String)
        let greedy = try #require(prompt["greedy_ids"] as? [Int])
        let run = try bench.probe(["--language", model, "--prompt", text, "--greedy", "\(greedy.count)"])
        #expect(run.ended.status == 0, "\(run.ended.errors)")
        #expect(try run.integers("tokens") == prompt["ids"] as? [Int])
        #expect(try run.integers("greedy") == greedy)
        let logits = try Golden.tensor(run.file, "logits")
        let tops = try #require(prompt["top5"] as? [[String: Any]])
        #expect(tops.count == logits.rows)
        for (row, top) in tops.enumerated() {
            let ids = try #require(top["ids"] as? [Int])
            let values = try #require((top["logits"] ?? top["values"]) as? [Double])
            for (id, value) in zip(ids, values) {
                #expect(abs(logits.row(row)[id] - Float(value)) < 2e-3, "\(row), \(id)")
            }
        }
    }

    /// Every text of the reference goes through the tokenizers in TokenizerTests; some of them here through the program.
    @Test func tokenizers() throws {
        let folder = try folder("tokenizer")
        for (language, vectors, begin) in [
            (Golden.fixture("v1/llama"), "sentencepiece.json", [1]), (Golden.fixture("llama-hf"), "hf_bpe.json", []),
        ] {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(vectors)"))
            let rows = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
            // A program's argument cannot hold a zero.
            let texts = rows.filter { row in (row["text"] as? String).map { !$0.isEmpty && !$0.contains("\0") } ?? false
            }
            for row in stride(from: 0, to: texts.count, by: 12).map({ texts[$0] }) {
                let run = try bench.probe([
                    "--language", #require(language), "--prompt=\(row["text"] as? String ?? "")",
                ])
                #expect(run.ended.status == 0, "\(run.ended.errors)")
                #expect(try run.integers("tokens") == begin + (row["ids"] as? [Int] ?? []), "\(row)")
            }
        }
    }
}
