import Checkpoints
import Golden
import Tensors
import Testing

@testable import Models

/// The embedded default, encoder and captioner, against fixtures/starter: ONNX Runtime's features and PyTorch's logits.
@Suite(
    .enabled(if: Golden.dinov2 != nil, "the DINOv2 ONNX is not in the data folder: make setup fetches it"),
    .enabled(if: Golden.smolLM2 != nil, "the SmolLM2 GGUF is not in the data folder: make setup fetches it"),
    .enabled(if: Golden.captioner != nil, "the provisional captioner is not beside the repository"),
    .enabled(if: Golden.fixture("starter/expected.safetensors") != nil, "the reference numbers are not beside the repository"))
struct StarterTests {
    let expected: String

    init() throws { expected = try #require(Golden.fixture("starter/expected.safetensors")) }

    @Test func featuresAgreeWithONNXRuntime() throws {
        let vision = try VisionTransformer(onnx: ONNXInitialisers(path: try #require(Golden.dinov2)))
        #expect(
            vision.configuration
                == VisionTransformer.Configuration(
                    width: 384, layers: 12, heads: 6, hidden: 1536, patch: 14, grid: 37, imageSize: 224, eps: 1e-6))
        let pixels = try Golden.tensor(expected, "pixels")
        let features = try Golden.tensor(expected, "features")
        for i in 0..<3 {
            let picture = Tensor(3, 224, 224)
            picture.data.update(from: pixels.data + i * picture.count, count: picture.count)
            let reference = features.slice(rows: i * 257..<(i + 1) * 257)
            let difference = Golden.difference(try vision.forward(picture), reference)
            #expect(difference < 2e-3, "picture \(i)")
            print("features of picture \(i): largest difference \(difference)")
        }
    }

    @Test func captionerAgrees() throws {
        let base = try #require(Golden.smolLM2)
        let llama = try Llama(gguf: GGUF(path: base))
        let adapter = try LlamaAdapter(
            Safetensors(path: #require(Golden.captioner)), base: llama.configuration,
            fingerprint: Fingerprint.sha256(of: base))
        #expect(adapter.facts["prompt"] == "Caption:")
        let features = try Golden.tensor(expected, "features").slice(rows: 0..<257)
        let query = try adapter.visualQuery(features)
        let difference = Golden.difference(query, try Golden.tensor(expected, "visual_query"))
        #expect(difference < 2e-3)

        let model = llama.adapted(by: adapter)
        let state = try Llama.State(model, capacity: 64)
        state.prompts = adapter.prompts(query, in: model)
        let tokens = try Golden.tensor(expected, "tokens").array.map { Int($0) }
        let logits = try model.forward(tokens, state, logits: .all)
        let worst = Golden.difference(logits, try Golden.tensor(expected, "logits"))
        #expect(worst < 2e-2)
        print("visual query: largest difference \(difference); logits: \(worst)")
    }
}
