import Checkpoints
import Golden
import Tensors
import Testing

@testable import Models

/// OpenAI's CLIP in both of its file shapes, against OpenAI's package (fixtures/clip-openai).
@Suite(
    .enabled(
        if: Golden.fixture("clip-openai/ViT-tiny.pt") != nil, "the reference numbers are not beside the repository"))
struct CLIPTests {
    @Test(arguments: ["ViT-tiny.pt", "ViT-tiny-jit.pt"]) func agreesWithOpenAI(_ name: String) throws {
        let file = try #require(Golden.fixture("clip-openai/" + name))
        let expected = try #require(Golden.fixture("clip-openai/expected.safetensors"))
        let vision = try VisionTransformer(clip: CheckpointReader.open(file))
        #expect(vision.featureWidth == 112)
        let stored = try Golden.tensor(expected, "image.rgb")
        var worst: Float = 0
        func compare(_ found: Tensor, _ key: String) throws {
            let difference = Golden.difference(found, try Golden.tensor(expected, key))
            #expect(difference < 1e-4, "\(key)")
            worst = max(worst, difference)
        }
        var hidden: [Tensor] = []
        let features = try vision.forward(Tensor(stored.array, Array(stored.shape.dropFirst()))) { _, x in
            hidden.append(x.slice(rows: 0..<x.rows))
        }
        try compare(hidden[0], "ln_pre")
        for (i, states) in hidden.dropFirst().enumerated() { try compare(states, "resblock.\(i)") }
        try compare(features, "clip_tokens")
        try compare(features.slice(rows: 0..<1), "encode_image")
        print("\(name): largest difference \(worst)")
    }

    @Test func refusesWhatIsNoCLIP() throws {
        #expect {
            _ = try VisionTransformer(clip: Safetensors(path: Golden.tiny("adapter.safetensors")))
        } throws: { error in
            "\(error)".contains("visual.conv1.weight: expected a tensor [width, 3, patch, patch] (is this a CLIP?), found none")
        }
    }
}
