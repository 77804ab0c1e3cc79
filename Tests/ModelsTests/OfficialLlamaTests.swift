import Checkpoints
import Glibc
import Golden
import Testing

@testable import Models

/// LLaMA folders as they were released: one file, several, and what is wrong with others.
@Suite struct OfficialLlamaTests {
    @Test(
        .enabled(
            if: Golden.fixture("v2-dialog/llama-sharded") != nil, "the reference numbers are not beside the repository"))
    func partsAreTheWhole() throws {
        let whole = try LanguageModel(path: #require(Golden.fixture("v2-dialog/llama")))
        let parts = try LanguageModel(path: #require(Golden.fixture("v2-dialog/llama-sharded/7B/")))
        #expect(whole.llama.configuration == parts.llama.configuration)
        #expect(whole.fingerprint != parts.fingerprint)
        #expect((whole.name, parts.name) == ("llama", "7B"))
        #expect(try whole.template == nil)
        func weights(_ llama: Llama) -> [[Float]] {
            [llama.embedding.dequantised().array, llama.output.dequantised().array, llama.norm.array]
                + llama.layers.flatMap { layer in
                    [layer.attentionNorm.array, layer.ffnNorm.array]
                        + [layer.wq, layer.wk, layer.wv, layer.wo, layer.w1, layer.w2, layer.w3].map {
                            $0.weight.dequantised().array
                        }
                }
        }
        #expect(weights(whole.llama) == weights(parts.llama))
        let tokens = whole.tokenizer.encode("Describe the cat.", special: false)
        let logits = try whole.llama.forward(tokens, Llama.State(whole.llama, capacity: 64), logits: .all)
        let joined = try parts.llama.forward(tokens, Llama.State(parts.llama, capacity: 64), logits: .all)
        #expect(logits.array == joined.array)
    }

    @Test(
        .enabled(
            if: Golden.fixture("v2-dialog/llama-sharded") != nil, "the reference numbers are not beside the repository"))
    func everyFileCountsForTheFingerprint() throws {
        let folder = try #require(Golden.fixture("v2-dialog/llama/7B"))
        let one = try LanguageModel(path: folder)
        #expect(one.fingerprint == (try Fingerprint.sha256(of: folder + "/consolidated.00.pth")))
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
        #expect(fault() == "F: params.json: expected it here or in one folder inside, found none")
        _ = folder.write("params.json", Array(#"{"dim": 96, "n_layers": 6}"#.utf8))
        #expect(
            fault() == "F: consolidated.*.pth: expected consolidated.00.pth and those that follow, found none")
        _ = folder.write("consolidated.01.pth", [1])
        #expect(
            fault()
                == "F: consolidated.*.pth: expected consolidated.00.pth and those that follow, found consolidated.01.pth")
        _ = folder.write("consolidated.00.pth", [1])
        #expect(fault() == "F: tokenizer.model: expected it beside params.json or in the folder above, found none")
        _ = folder.write("tokenizer.model", [1])
        #expect(fault().hasPrefix("F/consolidated.00.pth: format: not supported"))
    }

    @Test(arguments: [
        (#"{"dim": 96}"#, "n_layers: expected a number from 1 to 1024, found none"),
        (#"{"dim": -1}"#, "dim: expected a number from 1 to 65536, found -1"),
        (#"{"dim": 96, "n_layers": 2, "n_heads": 5}"#, "n_heads: expected heads of an even width"),
        (#"{"dim": 96, "n_layers": 2, "n_heads": 4}"#, "norm_eps: expected a number above 0, found none"),
        (
            #"{"dim": 96, "n_layers": 2, "n_heads": 4, "norm_eps": 1e-6, "use_scaled_rope": true}"#,
            "use_scaled_rope: expected no scaling of positions (not supported), found true"
        ),
        (
            #"{"dim": 96, "n_layers": 2, "n_heads": 4, "norm_eps": 1e-6}"#,
            "layers.0.feed_forward.w1.weight: expected a tensor of two dimensions, found none"
        ),
    ])
    func parametersAreChecked(_ text: String, _ expected: String) throws {
        let checkpoint = try Safetensors(path: Golden.tiny("adapter.safetensors"))
        let params = try Array(text.utf8).withUnsafeBytes { try JSONValue(parsing: $0, file: "params.json") }
        #expect {
            _ = try LlamaConfiguration(official: params, file: "params.json", checkpoint)
        } throws: {
            "\($0)".contains(expected)
        }
    }
}
