import Checkpoints
import Golden
import Pictures
import Tensors
import Testing

@testable import Models

/// The whole way from a JPEG file to a caption, against the captions of fixtures/starter/captions.jsonl.
@Suite(
    .enabled(if: Golden.dinov2 != nil, "the DINOv2 ONNX is not in the data folder: make setup fetches it"),
    .enabled(if: Golden.smolLM2 != nil, "the SmolLM2 GGUF is not in the data folder: make setup fetches it"),
    .enabled(if: Golden.captioner != nil, "the provisional captioner is not beside the repository"),
    .enabled(if: Golden.fixture("starter/captions.jsonl") != nil, "the reference captions are not beside the repository"),
    .enabled(if: Golden.data("flickr8k-224/val") != nil, "the pictures are not beside the repository"))
struct CaptionTests {
    /// At least nine of ten are identical; where one is not, it is shown with the smallest gap between the reference's
    /// two best logits on its way.
    @Test func captionsOfRealPicturesAreIdentical() throws {
        let vision = try VisionTransformer(onnx: ONNXInitialisers(path: try #require(Golden.dinov2)))
        let base = try LanguageModel(path: try #require(Golden.smolLM2))
        let adapter = try base.adapter(path: #require(Golden.captioner))
        let model = base.adapted(by: adapter)
        let prompt = model.tokenizer.encode(try #require(adapter.facts["prompt"]), special: false)
        let stopText = try #require(adapter.facts["stop"])
        let stop: Set<Int> = [try #require(model.tokenizer.id(of: stopText))]
        let state = try Llama.State(model.llama, capacity: 64)
        var greedy = try Sampler(temperature: 0)

        let references = try captions()
        #expect(references.count == 50)
        var identical = 0
        for reference in references {
            let picture = try Picture.load(path: try #require(Golden.data("flickr8k-224/val/" + reference.item)))
            let pixels = PixelNormalisation.imageNet.apply(picture.resized(width: 224, height: 224))
            let query = try adapter.visualQuery(try vision.forward(Tensor(pixels, [3, 224, 224])))
            state.reset()
            state.prompts = adapter.prompts(query, in: model.llama)
            let found = try model.generate(after: prompt, in: state, limit: 32, stop: stop, sampler: &greedy)
            if found.text.drop(while: { $0 == " " }) == reference.caption, found.ids == reference.ids {
                identical += 1
            } else {
                print("\(reference.item): \"\(found.text)\" for \"\(reference.caption)\" at a gap of \(reference.gap)")
            }
        }
        print("captions: \(identical) of \(references.count) identical")
        #expect(identical * 10 >= references.count * 9)
    }

    private func captions() throws -> [(item: String, caption: String, ids: [Int], gap: Double)] {
        let path = try #require(Golden.fixture("starter/captions.jsonl"))
        return try Golden.lines(of: path).map { line in
            let json = try Array(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0, file: path) }
            return (
                try #require(json["item"]?.string), try #require(json["caption"]?.string), json.ids("ids"),
                json["gap"]?.double ?? 0
            )
        }
    }
}
