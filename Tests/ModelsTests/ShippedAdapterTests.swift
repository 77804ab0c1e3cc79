import Checkpoints
import Golden
import Pictures
import Tensors
import Testing

@testable import Models

/// The adapters that ship: made for the starter models, and looking at the picture.
@Suite(.enabled(if: Golden.smolLM2 != nil, "the SmolLM2 GGUF is not in the data folder: make setup fetches it"))
struct ShippedAdapterTests {
    static let names = ["captioner.safetensors", "generator.safetensors"].filter { Golden.shipped($0) != nil }

    @Test(arguments: names)
    func fitsTheStarterModels(name: String) throws {
        let base = try LanguageModel(path: try #require(Golden.smolLM2))
        let adapter = try base.adapter(path: try #require(Golden.shipped(name)))
        #expect(adapter.configuration.featureWidth == 384 * (1 + adapter.visionBlocks.count))
        for fact in ["role", "about", "data", "licence", "vision_sha256", "base_sha256", "steps"] {
            #expect(adapter.facts[fact]?.isEmpty == false, "\(name): \(fact)")
        }
        #expect(try !base.picturePrompt(of: adapter).isEmpty)
    }

    private static let pictures = ["chelsea.png", "coffee.png", "china.jpg"]

    @Test(
        .enabled(
            if: Golden.dinov2 != nil && pictures.allSatisfy { Golden.demo($0) != nil },
            "the vision model or the demo pictures are not in the data folder: make setup fetches them"),
        arguments: names)
    func differentPicturesGiveDifferentWords(name: String) throws {
        let base = try LanguageModel(path: try #require(Golden.smolLM2))
        let adapter = try base.adapter(path: try #require(Golden.shipped(name)))
        let model = base.adapted(by: adapter)
        let vision = try VisionTransformer(path: try #require(Golden.dinov2))
        let size = vision.configuration.imageSize
        var captions: Set<String> = []
        for name in Self.pictures {
            let picture = try Picture.load(path: try #require(Golden.demo(name))).resized(width: size, height: size)
            let pixels = Tensor(PixelNormalisation.imageNet.apply(picture), [3, size, size])
            let features = try adapter.features(vision.forward(pixels, with: adapter.visionBlocks))
            let state = try Llama.State(model.llama, capacity: 128)
            state.prompts = adapter.prompts(try adapter.visualQuery(features), in: model.llama)
            var greedy = try Sampler(temperature: 0)
            let found = try model.generate(
                after: model.picturePrompt(of: adapter), in: state, limit: 48, stop: model.tokenizer.eos,
                sampler: &greedy)
            #expect(found.finish == .stop, "\(found.text)")
            captions.insert(found.text)
        }
        #expect(captions.count == Self.pictures.count, "\(captions)")
    }
}
