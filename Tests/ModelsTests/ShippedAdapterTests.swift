import Checkpoints
import Golden
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
        #expect(adapter.configuration.featureWidth == 384)
        for fact in ["role", "about", "data", "licence", "vision_sha256", "base_sha256", "steps"] {
            #expect(adapter.facts[fact]?.isEmpty == false, "\(name): \(fact)")
        }
        #expect(try !base.picturePrompt(of: adapter).isEmpty)
    }

    @Test(
        .enabled(if: Golden.fixture("starter/expected.safetensors") != nil, "the reference numbers are not beside the repository"),
        arguments: names)
    func differentPicturesGiveDifferentWords(name: String) throws {
        let base = try LanguageModel(path: try #require(Golden.smolLM2))
        let adapter = try base.adapter(path: try #require(Golden.shipped(name)))
        let model = base.adapted(by: adapter)
        let features = try Golden.tensor(try #require(Golden.fixture("starter/expected.safetensors")), "features")
        var captions: Set<String> = []
        for i in 0..<3 {
            let state = try Llama.State(model.llama, capacity: 128)
            let query = try adapter.visualQuery(features.slice(rows: i * 257..<(i + 1) * 257))
            state.prompts = adapter.prompts(query, in: model.llama)
            var greedy = try Sampler(temperature: 0)
            let found = try model.generate(
                after: model.picturePrompt(of: adapter), in: state, limit: 32, stop: model.tokenizer.eos,
                sampler: &greedy)
            #expect(found.finish == .stop, "\(found.text)")
            captions.insert(found.text)
        }
        #expect(captions.count == 3, "\(captions)")
    }
}
