import Checkpoints
import Golden
import Models
import Tensors
import Testing

@testable import Training

/// Gradients against those of the official code in float64 (`fixtures/gradients`): max relative error 1e-3 per tensor.
@Suite struct GoldenGradientTests {
    /// A set of weights, and which groups learn in which of the reference's phases.
    struct Variant: CustomTestStringConvertible {
        let name: String
        let adapter: String
        let phases: [String]
        var testDescription: String { name }
    }

    static let variants = [
        Variant(name: "v2-multimodal-bias", adapter: "BIAS-7B.pth", phases: ["pretrain", "finetune"]),
        Variant(
            name: "v2-multimodal-lora", adapter: "LORA-BIAS-7B.pth", phases: ["pretrain", "finetune", "finetune_lora"]),
    ]

    @Test(.enabled(if: Golden.fixture("gradients") != nil, "no ../shared/fixtures/gradients"), arguments: variants)
    func agreesWithTheReference(variant: Variant) throws {
        let weights = try #require(Golden.fixture(variant.name))
        let expected = try Safetensors(
            path: #require(Golden.fixture("gradients/\(variant.name)")) + "/expected.safetensors")
        let hparams = try JSONValue(path: weights + "/hparams.json")
        let base = try LanguageModel(path: weights + "/llama").llama
        let adapter = try CheckpointReader.open(weights + "/" + variant.adapter)
        let vision = try VisionTransformer(clip: CheckpointReader.open(weights + "/clip.pt"))
        let network = try AdapterNetwork(base, Self.plan(hparams, layers: base.configuration.layers), from: adapter)
        let examples = try Self.examples(expected, vision)
        for parameter in network.parameters { parameter.isTrained = true }

        for phase in variant.phases {
            let wanted = expected.names.filter { $0.hasPrefix(phase + ".grad.") }.map { $0.dropFirst(phase.count + 6) }
            #expect(wanted.count > 10)
            for parameter in network.parameters { parameter.clearGradient() }
            network.activate(phase == "pretrain" ? [.visual] : [.tuning])
            let loss = try network.learn(examples, divisor: examples.reduce(0) { $0 + $1.targetCount })
            let golden = Double(try expected.require(phase + ".loss").tensor().array[0])
            #expect(abs(loss - golden) < 1e-4 * golden)

            let parameters = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0) })
            for name in wanted {
                let golden = try expected.require("\(phase).grad.\(name)").tensor()
                // A gate without prompts has no part in the result; the file lists it, and its gradient is none.
                guard let parameter = parameters[String(name)] else {
                    #expect(golden.array.allSatisfy { $0 == 0 }, "\(name) is not trained")
                    continue
                }
                let gradient = try #require(parameter.gradient)
                let size = golden.array.reduce(0) { max($0, abs($1)) }
                let error = Golden.difference(gradient, golden) / max(size, 1e-12)
                #expect(error <= 1e-3, "\(phase): \(name): relative error \(error)")
            }
            // What is not of the phase's groups got nothing.
            for parameter in network.parameters where !parameter.isActive {
                #expect(parameter.gradient?.array.allSatisfy { $0 == 0 } == true, "\(phase): \(parameter.name)")
            }
        }
    }

    static func plan(_ h: JSONValue, layers: Int) throws -> AdapterPlan {
        func number(_ key: String) throws -> Int { try #require(h[key]?.int, "\(key)") }
        let clip = try #require(h["clip_vision"])
        var plan = AdapterPlan()
        plan.visual = .init(
            featureWidth: try #require(clip["embed_dim"]?.int), width: try number("v_embed_dim"),
            blocks: try number("v_depth"), heads: try number("v_num_heads"), queries: try number("query_len"))
        plan.promptLayers = try number("query_layer")
        plan.prompts = try number("query_len")
        plan.tunedLayers = layers
        (plan.norms, plan.biases) = (true, true)
        if h["w_lora"]?.bool == true { plan.rank = try number("lora_rank") }
        plan.newGates = h["w_new_gate"]?.bool == true
        return plan
    }

    /// The two prompts with their answers. Labels are 0 where nothing is learned: before the answer and after its end.
    static func examples(_ file: Safetensors, _ vision: VisionTransformer) throws -> [Example] {
        let tokens = try file.require("tokens").tensor()
        let labels = try file.require("labels").tensor()
        let pixels = try file.require("pixels").tensor()
        let size = Array(pixels.shape.dropFirst())
        return try (0..<tokens.rows).map { i in
            let row = (0..<tokens.columns).map { Int(tokens.row(i)[$0]) }
            let learned = (0..<labels.columns).filter { labels.row(i)[$0] != 0 }
            let first = try #require(learned.first)
            let last = try #require(learned.last)
            try #require(learned.count == last - first + 1)
            let picture = Tensor(size)
            picture.data.update(from: pixels.data + i * picture.count, count: picture.count)
            return Example(
                features: try vision.forward(picture), prompt: Array(row[..<first]),
                continuations: [Array(row[first...last])])
        }
    }
}
