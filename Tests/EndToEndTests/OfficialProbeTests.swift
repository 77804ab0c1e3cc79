import Foundation
import Golden
import Testing

/// `lorgnette models probe` on small models in every layout that was released, against what
/// Tests/Fixtures/official/make.py computes in float64.
@Suite struct OfficialProbeTests {
    static let folder = Golden.repository + "/Tests/Fixtures/official"
    static let expected = folder + "/expected.safetensors"
    static let tolerance: Float = 5e-5

    let bench: Workbench

    init() throws { bench = try Workbench() }

    private static let tokens: [String] = {
        let ids = (try? Golden.tensor(expected, "tokens").array) ?? []
        return ["--tokens", ids.map { "\(Int($0))" }.joined(separator: ",")]
    }()

    /// Prompts of a layer and heads of the visual blocks are what hparams.json beside the adapters says.
    @Test(arguments: [
        ("plain", []), ("v1.raw", ["v1.pth"]), ("v1.tanh", ["v1.pth", "--gating", "tanh"]), ("dialog", ["dialog.pth"]),
        ("bias", ["BIAS-7B.pth"]), ("lora", ["LORA-BIAS-7B.pth"]),
    ])
    func languageAgrees(_ name: String, _ adapter: [String]) throws {
        var words = ["--language", Self.folder + "/llama"] + Self.tokens + ["--greedy", "12", "--layers"]
        if let file = adapter.first { words += ["--adapter", "\(Self.folder)/\(file)"] + adapter.dropFirst() }
        let readsPictures = ["bias", "lora"].contains(name)
        if readsPictures { words += ["--vision", Self.folder + "/clip.pt", "--image", Self.folder + "/photo.png"] }
        let probed = try bench.probe(words)
        #expect(probed.ended.status == 0, "\(probed.ended.errors)")
        for difference in probed.hiddenDifferences(Self.expected, prefix: name + ".", layers: 3) {
            #expect(difference < Self.tolerance)
        }
        #expect(probed.difference("logits", Self.expected, name + ".logits") < Self.tolerance)
        #expect(probed.difference("greedy", Self.expected, name + ".greedy") == 0)
        guard readsPictures else { return }
        #expect(probed.difference("visual_query", Self.expected, name + ".visual_query") < 1e-5)
        #expect(probed.difference("visual_features", Self.expected, "clip.features") < 1e-5)
    }

    /// The archive names a picture that is larger than its patches, the state dict cannot; DINOv2's grid is resized.
    @Test(arguments: [("clip.pt", "clip"), ("clip-state.pt", "clip-state"), ("dinov2", "dinov2")])
    func visionAgrees(_ file: String, _ name: String) throws {
        let probed = try bench.probe([
            "--vision", "\(Self.folder)/\(file)", "--image", Self.folder + "/photo.png", "--layers",
        ])
        #expect(probed.ended.status == 0, "\(probed.ended.errors)")
        #expect(probed.difference("pixels", Self.expected, name + ".pixels") < 1e-6)
        #expect(probed.difference("visual_features", Self.expected, name + ".features") < 1e-5)
        for i in 0...2 {
            #expect(probed.difference("visual_hidden.\(i)", Self.expected, "\(name).hidden.\(i)") < 2e-5, "\(i)")
        }
    }

    @Test func filesAreNamed() throws {
        let language = "language of captioner and generator; adapters made for width 32 and 3 layers"
        let vision = "model of the encoder; adapters that read features of width"
        // The shards of a model in two files, and one without the files that stand beside it.
        let alone = "\(bench.path)/alone.pth"
        try FileManager.default.createSymbolicLink(
            atPath: alone, withDestinationPath: Self.folder + "/llama/7B/consolidated.01.pth")
        for (file, about, fits) in [
            (
                Self.folder + "/llama/7B/consolidated.00.pth",
                "one of several files of a LLaMA as it was released, 3 layers, width 32", language + "; name its folder"
            ),
            (
                alone, "one of several files of a LLaMA as it was released, 3 layers, width 32",
                language + "; name its folder, which must have params.json and a tokenizer.model"
            ),
            (
                Self.folder + "/clip.pt", "CLIP as OpenAI released it, 2 layers, width 64, patch 7, 24 × 24 pixels",
                vision + " 40"
            ),
            (
                Self.folder + "/clip-state.pt",
                "CLIP as OpenAI released it, 2 layers, width 64, patch 7, 21 × 21 pixels", vision + " 40"
            ),
            (
                Self.folder + "/dinov2/model.safetensors", "weights of a folder of Hugging Face's: dinov2, width 32",
                vision + " 32; name its folder"
            ),
            (
                Golden.huggingFace("clip/model.safetensors"), "weights of a folder of Hugging Face's: clip, width",
                vision
            ),
            (
                Self.folder + "/v1.pth", "LLaMA-Adapter V1 for a LLaMA of 3 layers and width 32",
                "adapter of the generator for a language model of 3 layers and width 32"
            ),
            (
                Self.folder + "/dialog.pth", "LLaMA-Adapter V2 dialog for a LLaMA of 3 layers and width 32",
                "adapter of the generator for a language model of 3 layers and width 32"
            ),
            (
                Self.folder + "/LORA-BIAS-7B.pth", "LLaMA-Adapter V2 multimodal for a LLaMA of 3 layers and width 32",
                "adapter of captioner and generator for a language model of width 32 and an encoder with features of width 40"
            ),
        ] {
            let ended = try bench.run(["models", "inspect", file])
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(ended.output.contains("model        \(about)"), "\(ended.output.prefix(600))")
            #expect(ended.output.contains("fits         \(fits)"), "\(ended.output.prefix(600))")
        }
    }

    /// Another base, another CLIP, a file that ends too early, a pickle with code in it.
    @Test func wrongFilesAreRefused() throws {
        func bytes(_ name: String) throws -> Data {
            try Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/\(name)"))
        }
        let short = try bench.write("short.pth", bytes("BIAS-7B.pth").prefix(40_000))
        // In the place of a function that makes tensors.
        let (known, foreign) = (Data("ctorch._utils\n_rebuild_tensor_v2\n".utf8), Data("cos\nsystem\n".utf8))
        var evil = try bytes("v1.pth")
        let place = try #require(evil.firstRange(of: known))
        evil.replaceSubrange(
            place, with: foreign + Data(repeating: UInt8(ascii: "0"), count: known.count - foreign.count))
        let malicious = try bench.write("malicious.pth", evil)
        let language = ["--language", Self.folder + "/llama"] + Self.tokens
        let picture = ["--image", Self.folder + "/photo.png", "--vision"]
        for (words, messages) in [
            (
                ["--language", Golden.tiny("language.gguf"), "--tokens", "5", "--adapter", Self.folder + "/v1.pth"],
                ["v1.pth: ", "adapter_query.weight: expected shape [8, 64], found shape [8, 32]"]
            ),
            (
                language + ["--adapter", Self.folder + "/BIAS-7B.pth"] + picture + [Self.folder + "/dinov2"],
                ["visual features: expected [tokens, 40], found [10, 32]"]
            ),
            (language + ["--adapter", short], ["short.pth: ", "the end of a zip archive"]),
            (
                language + ["--adapter", malicious],
                ["malicious.pth: data.pkl", "nothing but tensors, modules and plain values, found os.system"]
            ),
        ] {
            let probed = try bench.probe(words)
            #expect(probed.ended.status != 0)
            for message in messages { #expect(probed.ended.errors.contains(message), "\(probed.ended.errors)") }
            #expect(!FileManager.default.fileExists(atPath: probed.file))
        }
    }
}
