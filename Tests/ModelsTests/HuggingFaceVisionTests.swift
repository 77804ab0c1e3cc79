import Checkpoints
import Glibc
import Golden
import Pictures
import Tensors
import Testing

@testable import Models

/// Encoders in Hugging Face's folders against transformers' numbers: the shared ones, and a small CLIP that is always there.
@Suite struct HuggingFaceVisionTests {
    /// Runs an encoder and compares each hidden state; returns the features and the largest difference.
    private func run(
        _ vision: VisionTransformer, _ pixels: Tensor, _ file: String, hidden prefix: String
    ) throws -> (features: Tensor, worst: Float) {
        var hidden: [Tensor] = []
        let features = try vision.forward(pixels) { _, x in hidden.append(x.slice(rows: 0..<x.rows)) }
        #expect(hidden.count == vision.configuration.layers + 1)
        var worst: Float = 0
        for (i, states) in hidden.enumerated() {
            worst = max(worst, Golden.difference(states, try Golden.tensor(file, "\(prefix)hidden.\(i)")))
        }
        return (features, worst)
    }

    private func pixels(_ vision: VisionTransformer, _ photo: String) throws -> Tensor {
        let size = vision.configuration.imageSize
        guard case .cropped(let side, true) = vision.preparation.fit else { throw TemporaryFault() }
        let square = try Picture.load(path: photo).resized(shorterSide: side, crop: size, rounding: .floor)
        let normalise = PixelNormalisation(mean: vision.preparation.mean, deviation: vision.preparation.deviation)
        return Tensor(normalise.apply(square), [3, size, size])
    }

    private struct TemporaryFault: Error {}

    private func stored(_ file: String, _ key: String) throws -> Tensor {
        let tensor = try Golden.tensor(file, key)
        return Tensor(tensor.array, Array(tensor.shape.dropFirst()))
    }

    @Test(
        .enabled(
            if: Golden.fixture("clip-hf/config.json") != nil, "the reference numbers are not beside the repository"))
    func clipAgrees() throws {
        let folder = try #require(Golden.fixture("clip-hf"))
        let expected = folder + "/expected.safetensors"
        let vision = try VisionTransformer(path: folder)
        #expect(vision.featureWidth == 112)
        let pixels = try pixels(vision, folder + "/photo.png")
        let expectedPixels = try stored(expected, "pixel_values")
        #expect(Golden.difference(pixels, expectedPixels) < 1e-5)
        let (features, worst) = try run(vision, expectedPixels, expected, hidden: "")
        let last = Golden.difference(features, try Golden.tensor(expected, "all_tokens_projected"))
        #expect(max(worst, last) < 1e-4)
        #expect(
            Golden.difference(features.slice(rows: 0..<1), try Golden.tensor(expected, "image_embeds")) < 1e-4)
        print("clip-hf: largest difference \(max(worst, last))")
    }

    /// A whole CLIP with another patch, another resolution, heads of 16 and the exact GELU.
    @Test func aSmallCLIPAgrees() throws {
        let expected = Golden.huggingFace("expected.safetensors")
        let vision = try VisionTransformer(path: Golden.huggingFace("clip"))
        #expect(
            vision.configuration
                == .init(width: 48, layers: 2, heads: 3, hidden: 80, patch: 8, grid: 5, imageSize: 40, eps: 1e-5))
        #expect(vision.preparation.fit == .cropped(shorterSide: 40, roundsDown: true))
        let pixels = Tensor((0..<3 * 40 * 40).map { Float(sin(0.07 * Double($0))) }, [3, 40, 40])
        let (features, worst) = try run(vision, pixels, expected, hidden: "clip.")
        #expect(max(worst, Golden.difference(features, try Golden.tensor(expected, "clip.features"))) < 2e-5)
    }

    /// As newer versions of transformers save a tower alone: without prefix, and here without projection.
    @Test func aTowerAloneHasNoPrefix() throws {
        let whole = try Safetensors(path: Golden.huggingFace("clip/model.safetensors"))
        let config = try Golden.lines(of: Golden.huggingFace("clip/config.json")).joined(separator: "\n")
        let pixels = Tensor((0..<3 * 40 * 40).map { Float(sin(0.07 * Double($0))) }, [3, 40, 40])
        let features = try ["vision_model.", ""].map { prefix in
            let folder = TemporaryFolder()
            var file = SafetensorsWriter()
            for name in whole.names where name.hasPrefix("vision_model.") {
                guard let tensor = try? whole.require(name).tensor() else { continue }
                file.add(prefix + name.dropFirst("vision_model.".count), tensor)
            }
            try file.write(to: folder.place("model.safetensors"))
            _ = folder.write("config.json", Array(config.utf8))
            return try VisionTransformer(path: folder.path).forward(pixels)
        }
        #expect(features[0].shape == [26, 48] && features[0].array == features[1].array)
    }

    @Test(
        .enabled(
            if: Golden.fixture("dinov2-hf/config.json") != nil, "the reference numbers are not beside the repository"),
        arguments: ["", "swiglu"])
    func dinov2Agrees(_ variant: String) throws {
        let folder = try #require(Golden.fixture("dinov2-hf"))
        let expected = folder + "/expected.safetensors"
        let vision = try VisionTransformer(path: "\(folder)/\(variant)")
        let prefix = variant.isEmpty ? "" : "swiglu."
        #expect(vision.configuration.imageSize == 56)
        let photo = try pixels(vision, folder + "/photo.png")
        let pixels = try stored(expected, prefix + "pixel_values")
        #expect(Golden.difference(photo, pixels) < 1e-5)
        var (features, worst) = try run(vision, pixels, expected, hidden: prefix)
        worst = max(worst, Golden.difference(features, try Golden.tensor(expected, prefix + "last_hidden_state")))
        features = try vision.forward(stored(expected, prefix + "native.pixel_values"))
        worst = max(
            worst, Golden.difference(features, try Golden.tensor(expected, prefix + "native.last_hidden_state")))
        #expect(worst < 1e-4)
        print("dinov2-hf \(variant): largest difference \(worst)")
    }

    @Test(arguments: [
        (
            #""model_type": "clip","#, #""model_type": "vit","#,
            #"model_type: expected "clip" or "clip_vision_model" or "dinov2", found "vit""#
        ),
        (
            "\"patch_size\": 8", "\"patch_size\": 41",
            "vision_config.image_size: expected at least 41, a patch, found 40"
        ),
        (
            "\"image_size\": 40", "\"image_size\": 48",
            "position_embedding.weight: expected shape [37, 48], found shape [26, 48]"
        ),
        ("\"num_channels\": 3", "\"num_channels\": 1", "vision_config.num_channels: expected 3, found 1"),
        (
            "\"hidden_size\": 48", "\"hidden_size\": 49",
            "vision_config.num_attention_heads: expected a divisor of 49, found 3"
        ),
        (
            "\"hidden_act\": \"gelu\",\n    \"hidden_size\": 48", "\"hidden_act\": \"relu\",\n    \"hidden_size\": 48",
            #"vision_config.hidden_act: expected "quick_gelu" or "gelu", found "relu""#
        ),
    ])
    func configurationsAreChecked(_ old: String, _ new: String, _ expected: String) throws {
        let folder = TemporaryFolder()
        folder.link(Golden.huggingFace("clip"), "model.safetensors")
        let text = try Golden.lines(of: Golden.huggingFace("clip/config.json")).joined(separator: "\n")
        try #require(text.contains(old))
        _ = folder.write("config.json", Array(text.replacing(old, with: new).utf8))
        #expect {
            _ = try VisionTransformer(path: folder.path)
        } throws: {
            "\($0)".contains(expected)
        }
    }

    @Test(arguments: [
        (#""size": 40, "crop_size": 40"#, ""),
        (#""size": {"shortest_edge": 44}, "crop_size": {"height": 40, "width": 40}"#, ""),
        (#""size": {"height": 40, "width": 40}, "do_center_crop": false"#, ""),
        (
            #""size": 40, "crop_size": 44"#,
            "crop_size: expected a square of pixels inside of the resized picture, found 44 of 40"
        ),
        (#""size": {"height": 40, "width": 41}"#, "size.width: expected 40, the height, found 41"),
        (
            #""size": 40, "do_center_crop": false"#,
            "crop_size: expected a square of pixels inside of the resized picture, found no crop"
        ),
        (
            #""size": 48, "crop_size": 48"#,
            "crop_size: expected 40, the size of the pictures that config.json names, found 48"
        ),
        (#""size": 40, "crop_size": 40, "resample": 2"#, "resample: expected 3 (bicubic), found 2"),
        (
            #""size": 40, "crop_size": 40, "do_normalize": false"#,
            "do_normalize: expected true (not supported), found false"
        ),
        (#""size": 40, "crop_size": 40, "rescale_factor": 1"#, "rescale_factor: expected 1 / 255, found 1"),
        (#""size": 99999, "crop_size": 40"#, "size: expected a number from 1 to 4096, found 99999"),
    ])
    func preparationsAreChecked(_ text: String, _ expected: String) throws {
        let folder = TemporaryFolder()
        for name in ["model.safetensors", "config.json"] { folder.link(Golden.huggingFace("clip"), name) }
        let normal = #""image_mean": [0.5, 0.4, 0.3], "image_std": [0.1, 0.2, 0.3]"#
        _ = folder.write("preprocessor_config.json", Array("{\(text), \(normal)}".utf8))
        do {
            let preparation = try VisionTransformer(path: folder.path).preparation
            #expect(expected.isEmpty)
            #expect((preparation.mean, preparation.deviation) == ([0.5, 0.4, 0.3], [0.1, 0.2, 0.3]))
        } catch {
            #expect(!expected.isEmpty && "\(error)".hasSuffix(expected), "\(error)")
        }
        _ = folder.write("preprocessor_config.json", Array(#"{"size": 40, "crop_size": 40, "image_mean": [0.5]}"#.utf8))
        #expect(throws: ModelError.self) { try VisionTransformer(path: folder.path) }
    }
}
