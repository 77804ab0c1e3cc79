import Checkpoints
import Golden
import Tensors
import Testing

@testable import Models

/// LLaMA-Adapter V2 multimodal from files in the official layout, against the reference implementation's numbers.
@Suite(
    .enabled(
        if: Golden.fixture("v2-multimodal-lora/LORA-BIAS-7B.pth") != nil,
        "the reference numbers are not beside the repository"))
struct OfficialMultimodalTests {
    /// A variant's folder, its adapter, and the tolerance on hidden states and logits that its README gives.
    enum Variant: String, CaseIterable {
        case bias = "v2-multimodal-bias"
        case lora = "v2-multimodal-lora"

        var adapter: String { self == .bias ? "BIAS-7B.pth" : "LORA-BIAS-7B.pth" }
        var tolerance: Float { self == .bias ? 3e-4 : 8e-4 }

        func path(_ name: String) throws -> String { try #require(Golden.fixture("\(rawValue)/\(name)")) }
        func tensor(_ key: String) throws -> Tensor { try Golden.tensor(path("expected.safetensors"), key) }
        var prompts: [JSONValue] {
            get throws { try #require(try JSONValue(path: path("expected.json"))["prompts"]?.array) }
        }
    }

    /// Pictures that the reference looked at: its inputs' key, or all zeros.
    static let conditions = ["image", "bgr", "noimage"]

    private func pixels(_ variant: Variant, _ condition: String) throws -> Tensor {
        let rgb = try variant.tensor("image.rgb")
        let shape = Array(rgb.shape.dropFirst())
        if condition == "noimage" { return Tensor(shape) }
        return Tensor(try variant.tensor(condition == "bgr" ? "image.bgr" : "image.rgb").array, shape)
    }

    private func loaded(_ variant: Variant) throws -> (LanguageModel, LlamaAdapter, VisionTransformer) {
        let base = try LanguageModel(path: variant.path("llama"))
        let adapter = try base.adapter(path: variant.path(variant.adapter), visualHeads: 4)
        let vision = try VisionTransformer(clip: CheckpointReader.open(variant.path("clip.pt")))
        return (base.adapted(by: adapter), adapter, vision)
    }

    @Test(arguments: Variant.allCases) func sizesAreRead(_ variant: Variant) throws {
        let (model, adapter, vision) = try loaded(variant)
        #expect(
            model.llama.configuration
                == LlamaConfiguration(
                    width: 96, layers: 6, heads: 4, kvHeads: 4, headSize: 24, hidden: 256, vocabulary: 512,
                    context: 2048, normEps: 1e-6, ropeTheta: 10000, ropeSize: 24))
        #expect(
            adapter.configuration
                == LlamaAdapter.Configuration(
                    featureWidth: 112, visualWidth: 80, visualBlocks: 3, visualHeads: 4, queries: 10, prompts: 10,
                    layers: 5, earlyLayers: 0))
        #expect(
            vision.configuration
                == VisionTransformer.Configuration(
                    width: 128, layers: 3, heads: 2, hidden: 512, patch: 14, grid: 4, imageSize: 56, eps: 1e-5))
        for prompt in try variant.prompts {
            let text = try #require(prompt["prompt"]?.string)
            #expect([1] + model.tokenizer.encode(text, special: false) == prompt.ids("ids"))
        }
    }

    @Test(arguments: Variant.allCases) func visualStagesAgree(_ variant: Variant) throws {
        let (_, adapter, vision) = try loaded(variant)
        var (worst, worstResult): (Float, Float) = (0, 0)
        for condition in Self.conditions {
            var stages: [String: Tensor] = [:]
            let features = try vision.forward(pixels(variant, condition)) { i, x in
                stages[i == 0 ? "clip.ln_pre" : "clip.resblock.\(i - 1)"] = x.slice(rows: 0..<x.rows)
            }
            stages["visual_query"] = try adapter.visualQuery(features)
            stages["clip_tokens"] = features
            for (name, found) in stages {
                // The reference keeps fewer stages of the other pictures.
                let isKept =
                    name == "visual_query" || condition == "image" || (condition == "noimage" && name == "clip_tokens")
                guard isKept else { continue }
                let difference = Golden.difference(found, try variant.tensor("\(condition).\(name)"))
                // A wrong epsilon moves the two results by 2e-5 only; hidden states are larger numbers.
                let isResult = name == "visual_query" || name == "clip_tokens"
                #expect(difference < (isResult ? 1e-5 : 2e-5), "\(condition).\(name)")
                worst = max(worst, difference)
                if isResult { worstResult = max(worstResult, difference) }
            }
        }
        print("\(variant.rawValue): visual stages, largest difference \(worst), of clip_tokens and visual_query \(worstResult)")
    }

    /// Hidden states and logits of every prompt with every picture, and with the adapter's own queries alone.
    @Test(arguments: Variant.allCases) func logitsAgree(_ variant: Variant) throws {
        let (model, adapter, vision) = try loaded(variant)
        var (worst, worstHidden): (Float, Float) = (0, 0)
        for condition in ["image", "noimage", "static"] {
            let query =
                condition == "static" ? nil : try adapter.visualQuery(vision.forward(pixels(variant, condition)))
            for (i, prompt) in try variant.prompts.enumerated() {
                let key = "p\(i).\(condition)"
                guard let reference = try? variant.tensor("\(key).logits") else { continue }
                let state = try Llama.State(model.llama, capacity: 256)
                state.prompts = adapter.prompts(query, in: model.llama)
                let logits = try model.llama.forward(prompt.ids("ids"), state, logits: .all) { layer, x, rows, _ in
                    guard let states = try? variant.tensor("\(key).hidden.\(layer)") else { return }
                    let difference = Golden.difference(x.slice(rows: 0..<rows), states)
                    #expect(difference < variant.tolerance, "\(key).hidden.\(layer)")
                    worstHidden = max(worstHidden, difference)
                }
                let difference = Golden.difference(logits, reference)
                #expect(difference < variant.tolerance, "\(key).logits")
                worst = max(worst, difference)
            }
        }
        #expect(worst > 0 && worstHidden > 0)
        print("\(variant.rawValue): largest difference of logits \(worst), of hidden states \(worstHidden)")
    }

    /// The likeliest token again and again, over the key/value cache, and the logits of each step.
    @Test(arguments: Variant.allCases) func greedyTokensAgree(_ variant: Variant) throws {
        let (model, adapter, vision) = try loaded(variant)
        var worst: Float = 0
        var runs = 0
        for condition in Self.conditions + ["static"] {
            let query =
                condition == "static" ? nil : try adapter.visualQuery(vision.forward(pixels(variant, condition)))
            for (i, prompt) in try variant.prompts.enumerated() {
                guard let ids = prompt["conditions"]?[condition]?.ids("greedy_ids"), !ids.isEmpty else { continue }
                let state = try Llama.State(model.llama, capacity: 256)
                state.prompts = adapter.prompts(query, in: model.llama)
                let steps = try? variant.tensor("p\(i).\(condition).greedy_logits")
                var logits = try model.llama.forward(prompt.ids("ids"), state)
                for (step, id) in ids.enumerated() {
                    #expect(argmax(logits) == id, "p\(i).\(condition), step \(step)")
                    if let steps {
                        let difference = Golden.difference(logits, steps.slice(rows: step..<step + 1))
                        #expect(difference < variant.tolerance, "p\(i).\(condition), step \(step)")
                        worst = max(worst, difference)
                    }
                    logits = try model.llama.forward([id], state)
                }
                runs += 1
            }
        }
        #expect(runs >= 6)
        print("\(variant.rawValue): \(runs) greedy runs, largest difference of logits \(worst)")
    }
}
