import Checkpoints
import Glibc
import Golden
import Tensors
import Testing

@testable import Models

/// The committed tiny models against what Tests/Fixtures/tiny/make.py computes in float64.
@Suite struct TinyModelsTests {
    let llama: Llama
    let adapter: LlamaAdapter
    let expected = Golden.tiny("expected.safetensors")

    init() throws {
        llama = try Llama(gguf: GGUF(path: Golden.tiny("language.gguf")))
        adapter = try LlamaAdapter(
            Safetensors(path: Golden.tiny("adapter.safetensors")), base: llama.configuration,
            fingerprint: Fingerprint.sha256(of: Golden.tiny("language.gguf")))
    }

    var tokens: [Int] { get throws { try Golden.tensor(expected, "tokens").array.map { Int($0) } } }

    @Test func visionTransformerAgrees() throws {
        let vision = try VisionTransformer(onnx: ONNXInitialisers(path: Golden.tiny("vision.onnx")))
        #expect(vision.configuration.imageSize == 56)
        let pixels = Tensor((0..<3 * 56 * 56).map { Float(sin(0.07 * Double($0))) }, [3, 56, 56])
        let features = try vision.forward(pixels)
        #expect(Golden.difference(features, try Golden.tensor(expected, "features")) < 2e-5)
        let query = try adapter.visualQuery(features)
        #expect(Golden.difference(query, try Golden.tensor(expected, "visual_query")) < 2e-5)
    }

    @Test(arguments: ["plain", "adapted"]) func logitsAgree(_ which: String) throws {
        let (model, state) = try prepared(which)
        var hidden: [Int: Tensor] = [:]
        let logits = try model.forward(tokens, state, logits: .all) { i, x, rows, _ in
            hidden[i] = x.slice(rows: rows - 1..<rows)
        }
        let last = logits.slice(rows: logits.rows - 4..<logits.rows)
        #expect(Golden.difference(last, try Golden.tensor(expected, which + ".logits")) < 5e-5)
        for layer in [0, 2] {
            let reference = try Golden.tensor(expected, "\(which).hidden.\(layer)")
            #expect(Golden.difference(try #require(hidden[layer]), reference) < 5e-5, "hidden.\(layer)")
        }
    }

    @Test(arguments: ["plain", "adapted"]) func greedyTokensAgree(_ which: String) throws {
        let (model, state) = try prepared(which)
        let reference = try Golden.tensor(expected, which + ".greedy").array.map { Int($0) }
        var next = argmax(try model.forward(tokens, state))
        var greedy = [next]
        while greedy.count < reference.count {
            next = argmax(try model.forward([next], state))
            greedy.append(next)
        }
        #expect(greedy == reference)
    }

    /// However the tokens are dealt out to calls and chunks, the logits are the same.
    @Test(arguments: [1, 2, 3, 7, 64]) func chunksDoNotMatter(_ chunk: Int) throws {
        let many = (0..<150).map { $0 * 37 % 320 }
        let whole = try llama.forward(many, Llama.State(llama, capacity: 150), logits: .all)
        let state = try Llama.State(llama, capacity: 200, chunk: chunk)
        try llama.forward(Array(many[..<50]), state, logits: .none)
        #expect(state.position == 50)
        let rest = try llama.forward(Array(many[50...]), state, logits: .all)
        #expect(Golden.difference(rest, whole.slice(rows: 50..<150)) < 2e-4)
        state.rewind(to: 100)
        let again = try llama.forward(Array(many[100...]), state)
        #expect(Golden.difference(again, whole.slice(rows: 149..<150)) < 2e-4)
    }

    @Test func promptsWithoutPictureDifferFromThoseWithOne() throws {
        let model = llama.adapted(by: adapter)
        let state = try Llama.State(model, capacity: 64)
        state.prompts = adapter.prompts(nil, in: model)
        let without = try model.forward(tokens, state).array
        #expect(Golden.difference(Tensor(without, [1, 320]), try lastRow("adapted")) > 1e-2)
    }

    @Test func refusesWhatItCannotRead() throws {
        let state = try Llama.State(llama, capacity: 8)
        #expect(throws: ModelError.contextFull(capacity: 8, needed: 9)) {
            try llama.forward(Array(repeating: 5, count: 9), state)
        }
        #expect(throws: ModelError.token(id: 320, vocabulary: 320)) { try llama.forward([320], state) }
        #expect(throws: ModelError.token(id: -1, vocabulary: 320)) { try llama.forward([-1], state) }
        #expect(throws: ModelError.contextFull(capacity: 2048, needed: 4096)) { try Llama.State(llama, capacity: 4096) }
        #expect(throws: ModelError.features(expected: "[tokens, 64]", found: "[17, 60]")) {
            try adapter.visualQuery(Tensor(17, 60))
        }
        let vision = try VisionTransformer(onnx: ONNXInitialisers(path: Golden.tiny("vision.onnx")))
        #expect(throws: ModelError.self) { try vision.forward(Tensor(3, 56, 13)) }
    }

    @Test func refusesAnAdapterForAnotherBase() throws {
        let file = try Safetensors(path: Golden.tiny("adapter.safetensors"))
        let other = "sha256:" + String(repeating: "0", count: 64)
        #expect {
            _ = try LlamaAdapter(file, base: llama.configuration, fingerprint: other)
        } throws: { error in
            guard case ModelError.wrongBase(_, let expected, let found) = error else { return false }
            return expected.hasPrefix("tiny (sha256:") && found == other
        }
        var wide = llama.configuration
        wide.width = 128
        #expect {
            _ = try LlamaAdapter(file, base: wide)
        } throws: { error in
            "\(error)".contains("visual_proj.weight: expected shape [128, 32], found shape [64, 32]")
        }
    }

    @Test func namesEveryMissingTensor() throws {
        var deeper = llama.configuration
        deeper.layers = 3
        #expect {
            _ = try LlamaAdapter(Safetensors(path: Golden.tiny("adapter.safetensors")), base: deeper)
        } throws: { error in
            guard case ModelError.weights(_, let faults) = error else { return false }
            return faults.contains { $0.hasPrefix("llama.layers.2.attention.gate: missing") }
        }
    }

    @Test func positionsOfTheSameGridStayAsTheyAre() {
        let grid = Tensor((0..<32).map(Float.init), [16, 2])
        let positions = PositionEmbedding(grid: grid, rows: 4, columns: 4)
        #expect(positions.resized(rows: 4, columns: 4).array == grid.array)
        for taps in PositionEmbedding.taps(from: 37, to: 16) {
            #expect(abs(taps.reduce(0) { $0 + $1.weight } - 1) < 1e-6)
        }
    }

    private func prepared(_ which: String) throws -> (Llama, Llama.State) {
        let adapted = which == "adapted"
        let model = adapted ? llama.adapted(by: adapter) : llama
        let state = try Llama.State(model, capacity: 64)
        if adapted { state.prompts = adapter.prompts(try Golden.tensor(expected, "visual_query"), in: model) }
        return (model, state)
    }

    private func lastRow(_ which: String) throws -> Tensor {
        try Golden.tensor(expected, which + ".logits").slice(rows: 3..<4)
    }
}

/// The index of the largest logit of one row.
func argmax(_ logits: Tensor) -> Int {
    var best = 0
    for i in 1..<logits.columns where logits.data[i] > logits.data[best] { best = i }
    return best
}
