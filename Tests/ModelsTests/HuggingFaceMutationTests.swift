import Checkpoints
import Glibc
import Golden
import Tensors
import Testing

@testable import Models

/// Thousands of damaged folders, always the same: each is read or refused, none ends the process.
@Suite struct HuggingFaceMutationTests {
    private func survivors(
        _ source: String, _ name: String, count: Int, seed: UInt64, text: [UInt8]? = nil, open: (String) throws -> Void
    ) throws -> Int {
        let folder = TemporaryFolder()
        for name in ["config.json", "model.safetensors.index.json", "model.safetensors", "tokenizer.json"]
            + (1...3).map({ "model-0000\($0)-of-00003.safetensors" })
        where access("\(source)/\(name)", R_OK) == 0 {
            folder.link(source, name)
        }
        let good = try text ?? Array(Golden.lines(of: "\(source)/\(name)").joined(separator: "\n").utf8)
        var random = SplitMix64(seed: seed)
        var opened = 0
        for _ in 0..<count {
            var bytes = good
            // Most of what is wrong with a configuration that is JSON is in its numbers.
            let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
            if let at = digits.randomElement(using: &random), Bool.random(using: &random) {
                let numbers = ["0", "1", "2", "7", "-1", "0.5", "65536", "1e300", "9223372036854775807", "null", "[]"]
                bytes.replaceSubrange(at...at, with: Array((numbers.randomElement(using: &random) ?? "").utf8))
            } else {
                bytes = bytes.damaged(using: &random)
            }
            _ = folder.write(name, bytes)
            if (try? open(folder.path)) != nil { opened += 1 }
        }
        return opened
    }

    private func encoder(_ path: String) throws { _ = try VisionTransformer(path: path) }

    @Test(arguments: ["config.json", "model.safetensors.index.json"]) func llama(_ name: String) throws {
        let opened = try survivors(Golden.huggingFace("llama"), name, count: 1500, seed: 4) { path in
            let model = try Llama(LanguageSource(path: path))
            let state = try Llama.State(model, capacity: min(8, model.configuration.context))
            _ = try? model.forward([1, 2, 3], state)
        }
        #expect(opened > 0 && opened < 1500)
    }

    @Test func clip() throws {
        let opened = try survivors(Golden.huggingFace("clip"), "config.json", count: 1500, seed: 5, open: encoder)
        #expect(opened > 0 && opened < 1500)
    }

    @Test func preparation() throws {
        let text = """
            {"size": {"shortest_edge": 44}, "crop_size": {"height": 40, "width": 40}, "resample": 3, "do_resize": true,
             "image_mean": [0.5, 0.4, 0.3], "image_std": [0.1, 0.2, 0.3], "rescale_factor": 0.00392156862745098}
            """
        let opened = try survivors(
            Golden.huggingFace("clip"), "preprocessor_config.json", count: 1500, seed: 6, text: Array(text.utf8),
            open: encoder)
        #expect(opened > 0 && opened < 1500)
    }
}
