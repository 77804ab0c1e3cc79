import Checkpoints
import Foundation
import Golden
import Models
import Tensors
import Testing

@testable import Training

/// What the trainer computed and wrote, inference reads and computes, too.
@Suite struct AdapterFileTests {
    static let wirings = FiniteDifferenceTests.wirings
    static let visual = wirings.filter { $0.plan.visual != nil }

    @Test(arguments: wirings.indices)
    func inferenceComputesWhatTheTrainerDid(index: Int) throws {
        let (name, plan) = Self.wirings[index]
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("adapter-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let base = try TinyBase.llama()
        let trained = try AdapterNetwork(base, plan, seed: 1)
        trained.shake(seed: 2)
        try AdapterFile.write(trained, facts: ["role": "test"], to: path)
        // The file is what counts: its weights are rounded to float16.
        let file = try Safetensors(path: path)
        let network = try AdapterNetwork(base, plan, from: file)
        let features = TinyBase.features(5, 6, seed: 3)
        let prompt = [5, 17, 3, 40, 8]

        let adapter = try LlamaAdapter(file, base: base.configuration)
        #expect(adapter.readsPictures == (plan.visual != nil) && adapter.gating == .tanh, "\(name)")
        let model = base.adapted(by: adapter)
        for picture in plan.visual == nil ? [nil] : [features, nil] {
            let state = try Llama.State(model, capacity: 16)
            state.prompts =
                try picture.map { adapter.prompts(try adapter.visualQuery($0), in: model) }
                ?? adapter.promptsWithoutPicture(in: model)
            let found = try model.forward(prompt, state, logits: .all)
            let expected = network.logits(Example(features: picture, prompt: prompt, continuations: []))
            let difference = Golden.difference(found, expected)
            #expect(difference < 1e-4, "\(name), \(picture == nil ? "without" : "with") a picture: \(difference)")
        }
    }

    @Test func gatesOfZeroAreThePlainModel() throws {
        let base = try TinyBase.llama()
        for (name, plan) in Self.visual {
            var plan = plan
            (plan.gate, plan.norms, plan.biases, plan.scale, plan.rank) = (0, false, false, nil, 0)
            let network = try AdapterNetwork(base, plan, seed: 1)
            let prompt = [5, 17, 3, 40, 8]
            let state = try Llama.State(base, capacity: 16)
            let plain = try base.forward(prompt, state, logits: .all)
            let found = network.logits(
                Example(features: TinyBase.features(5, 6, seed: 3), prompt: prompt, continuations: []))
            #expect(Golden.difference(found, plain) < 1e-5, "\(name)")
        }
    }

    @Test func anAdapterSaysWhatItIs() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("adapter-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let plan = try #require(Self.visual.first { $0.name == "the paper's wiring" }).plan
        let network = try AdapterNetwork(TinyBase.llama(), plan, seed: 1)
        try AdapterFile.write(network, facts: ["about": "a \"quoted\"\nline"], to: path)
        let facts = try Safetensors(path: path).metadata
        #expect(facts["wiring"]?.string == "paper")
        #expect(facts["early_layers"]?.string == "1")
        #expect(facts["prompt_len"]?.string == "5")
        #expect(facts["scale"]?.string == "output")
        #expect(facts["about"]?.string == "a \"quoted\"\nline")
        let error = #expect(throws: CheckpointError.self) {
            try AdapterFile.write(network, facts: [:], to: path + "/no/such/folder")
        }
        #expect(error?.description.contains("cannot be written") == true)
    }
}
