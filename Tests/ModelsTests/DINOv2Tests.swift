import Checkpoints
import Golden
import Tensors
import Testing

@testable import Models

/// A small DINOv2 in Hugging Face's layout against transformers' numbers (fixtures/dinov2-hf).
@Suite(
    .enabled(
        if: Golden.fixture("dinov2-hf/model.safetensors") != nil, "the reference numbers are not beside the repository")
)
struct DINOv2Tests {
    /// Pictures of the trained size, smaller ones, and ones that are not square: positions are resized for the latter.
    @Test(arguments: ["", "native.", "rect."]) func agreesWithTransformers(_ which: String) throws {
        let file = try #require(Golden.fixture("dinov2-hf/model.safetensors"))
        let expected = try #require(Golden.fixture("dinov2-hf/expected.safetensors"))
        let vision = try VisionTransformer(dinov2: Safetensors(path: file), heads: 4, imageSize: 70)
        let stored = try Golden.tensor(expected, which + "pixel_values")
        let pixels = Tensor(stored.array, Array(stored.shape.dropFirst()))
        var hidden: [Tensor] = []
        let features = try vision.forward(pixels) { _, x in hidden.append(x.slice(rows: 0..<x.rows)) }
        #expect(Golden.difference(features, try Golden.tensor(expected, which + "last_hidden_state")) < 1e-4)
        guard which.isEmpty else { return }
        for (i, states) in hidden.enumerated() {
            #expect(Golden.difference(states, try Golden.tensor(expected, "hidden.\(i)")) < 1e-4, "hidden.\(i)")
        }
    }

    /// The giant variant has another feed-forward layer: what is missing for the plain one is named.
    @Test(.enabled(if: Golden.fixture("dinov2-hf/swiglu/model.safetensors") != nil, "no SwiGLU model"))
    func layersOfAnotherKindAreNoticed() throws {
        let file = try #require(Golden.fixture("dinov2-hf/swiglu/model.safetensors"))
        #expect {
            _ = try VisionTransformer(dinov2: Safetensors(path: file), heads: 6, imageSize: 70)
        } throws: { error in
            "\(error)".contains("encoder.layer.0.mlp.fc1.weight: missing")
        }
    }
}
