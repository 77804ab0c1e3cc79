import Checkpoints
import Golden
import Tensors
import Testing

@testable import Models

/// The paper's own wiring (arXiv 2304.15010, section 4.3): the picture enters the first K layers, learned prompts the last
/// L. No file of it was released: it is tested by its properties, on the committed adapter with K = L = 1.
@Suite struct EarlyFusionTests {
    private let folder = TemporaryFolder()
    private let llama: Llama
    private let tokens = [5, 17, 300, 2, 44]

    init() throws { llama = try Llama(gguf: GGUF(path: Golden.tiny("language.gguf"))) }

    /// The committed adapter without what tunes the words' path; its gates, all of this value, in both layers.
    private func adapter(gate: Float) throws -> LlamaAdapter {
        let released = try Safetensors(path: Golden.tiny("adapter.safetensors"))
        var file = SafetensorsWriter(metadata: [
            "format": "lorgnette.adapter/1", "wiring": "paper", "early_layers": "1", "prompt_len": "4",
            "v_num_heads": "2",
        ])
        for name in released.names where !name.hasPrefix("llama.") {
            file.add(name, try released.require(name).tensor())
        }
        let heads = llama.configuration.heads
        for i in 0..<2 {
            file.add(
                "llama.layers.\(i).attention.gate", Tensor(Array(repeating: gate, count: heads), [1, heads, 1, 1]))
        }
        try file.write(to: folder.place("paper.safetensors"))
        return try LlamaAdapter(Safetensors(path: folder.place("paper.safetensors")), base: llama.configuration)
    }

    private func features(_ seed: Int) -> Tensor {
        Tensor((0..<5 * 64).map { Float($0 * (seed + 3) % 29 - 14) / 10 }, [5, 64])
    }

    private func logits(_ prompts: AdapterPrompts?) throws -> [Float] {
        let state = try Llama.State(llama, capacity: 16)
        state.prompts = prompts
        return try llama.forward(tokens, state, logits: .all).array
    }

    @Test func gatesOfZeroAreThePlainModelExactly() throws {
        let adapter = try adapter(gate: 0)
        let prompts = adapter.prompts(try adapter.visualQuery(features(1)), in: llama)
        #expect(try logits(prompts) == logits(nil))
    }

    /// What layers behind the Kth are given is the same for every picture: it reaches them in the residual stream alone.
    @Test func thePictureEntersTheFirstLayersOnly() throws {
        let adapter = try adapter(gate: 0.7)
        #expect(adapter.configuration.earlyLayers == 1 && adapter.configuration.layers == 1)
        let prompts = try [1, 2].map { adapter.prompts(try adapter.visualQuery(features($0)), in: llama) }
        func keys(_ i: Int, _ layer: Int) -> [Float]? { prompts[i].layer(layer)?.keys.array }
        func values(_ i: Int, _ layer: Int) -> [Float]? { prompts[i].layer(layer)?.values.array }
        #expect(keys(0, 0) != nil && keys(0, 0) != keys(1, 0) && values(0, 0) != values(1, 0))
        #expect(keys(0, 1) != nil && keys(0, 1) == keys(1, 1) && values(0, 1) == values(1, 1))
        #expect(try logits(prompts[0]) != logits(prompts[1]))
        // Without a picture the first layers are given nothing, the last ones what they always are.
        let without = try #require(adapter.promptsWithoutPicture(in: llama))
        #expect(without.layer(0) == nil && without.layer(1)?.keys.array == keys(0, 1))
    }
}
