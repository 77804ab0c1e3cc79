import Foundation
import Golden
import Testing

/// `lorgnette models convert …`, as a person types it.
@Suite struct ConvertTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    @Test func aConvertedModelIsRead() throws {
        let model = Golden.huggingFace("llama")
        let out = "\(bench.path)/small.gguf"
        let ended = try bench.run(["models", "convert", model, "--to", "q8_0", "--out", out])
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.output.contains("small.gguf: 22 tensors, 132 kB"), "\(ended.output)")
        #expect(ended.errors.hasSuffix("100 % of 132 kB\n"), "\(ended.errors)")
        let seen = try bench.run(["models", "inspect", out])
        #expect(seen.output.contains("llama, 2 layers, width 64"), "\(seen.output)")
        var logits: [String] = []
        for (path, name) in [(model, "a"), (out, "b")] {
            logits.append("\(bench.path)/\(name).safetensors")
            let words = ["models", "probe", "--language", path, "--tokens", "1,5,9,200", "--layers", "--out"]
            let ended = try bench.run(words + [logits[logits.count - 1]])
            #expect(ended.status == 0, "\(ended.errors)")
        }
        for key in ["logits", "hidden.2"] {
            let difference = Golden.difference(try Golden.tensor(logits[0], key), try Golden.tensor(logits[1], key))
            #expect(difference > 0 && difference < 0.2, "\(key): \(difference)")
        }
    }

    @Test func whatCannotBeConvertedIsSaid() throws {
        let model = Golden.tiny("language.gguf")
        let copy = try bench.write("model.gguf", Data(contentsOf: URL(fileURLWithPath: model)))
        for (words, expected) in [
            ([model, "--to", "q3_0", "--out", "x.gguf"], "q3_0"),
            ([model, "--to", "q8_0", "--out", "x.bin"], "--out: expected a name that ends in .gguf, found x.bin"),
            ([copy, "--to", "q8_0", "--out", copy], "--out: expected another file than the model"),
            (
                [model, "--to", "q8_0", "--out", "\(bench.path)/none/x.gguf"],
                "cannot be written: No such file or directory"
            ),
            (
                [Golden.tiny("adapter.safetensors"), "--to", "q8_0", "--out", "\(bench.path)/x.gguf"],
                "expected \"GGUF\""
            ),
        ] {
            let ended = try bench.run(["models", "convert"] + words)
            #expect(ended.status != 0 && ended.errors.contains(expected), "\(words): \(ended.errors)")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: copy)) == Data(contentsOf: URL(fileURLWithPath: model)))
        #expect(!FileManager.default.fileExists(atPath: "\(bench.path)/x.gguf"))
    }

    /// A picture goes through an encoder of Hugging Face's as its picture processor says.
    @Test(
        .enabled(
            if: Golden.fixture("clip-hf/config.json") != nil, "the reference numbers are not beside the repository"),
        arguments: [("clip-hf", "all_tokens_projected"), ("dinov2-hf", "last_hidden_state")])
    func picturesArePreparedAsTheFolderSays(_ name: String, _ features: String) throws {
        let folder = try #require(Golden.fixture(name))
        let out = "\(bench.path)/out.safetensors"
        let ended = try bench.run(
            ["models", "probe", "--vision", folder, "--image", folder + "/photo.png", "--out", out])
        #expect(ended.status == 0, "\(ended.errors)")
        for (found, key) in [("pixels", "pixel_values"), ("visual_features", features)] {
            let expected = try Golden.tensor(folder + "/expected.safetensors", key)
            #expect(Golden.difference(try Golden.tensor(out, found), expected) < 1e-4, "\(key)")
        }
    }
}
