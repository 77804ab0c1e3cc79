import Checkpoints
import Glibc
import Golden
import Tensors
import Testing

@testable import Models

/// LLaMA-Adapter V1 with pictures (arXiv 2303.16199, section 3.3). No file of it was released: it is tested by its
/// properties, on a V1 whose file gets a projection of the picture's global features.
@Suite struct V1PictureTests {
    private let folder = TemporaryFolder()
    private let llama: Llama
    private let tokens: [Int]

    init() throws {
        llama = try Llama(gguf: GGUF(path: Golden.tiny("language.gguf")))
        tokens = try Golden.tensor(Golden.tiny("expected-adapters.safetensors"), "tokens").array.map { Int($0) }
    }

    /// The committed V1 (10 prompts in the last of 2 layers) with a projection of features of width 5.
    private func adapter(scale: Float, blocks: String? = nil) throws -> LlamaAdapter {
        let plain = try CheckpointReader.open(Golden.tiny("v1.pth"))
        var file = SafetensorsWriter(metadata: blocks.map { ["vision_blocks": $0] } ?? [:])
        for name in plain.names { file.add(name, try plain.require(name).tensor()) }
        let D = llama.configuration.width
        file.add("global_proj.weight", Tensor((0..<5 * D).map { scale * Float($0 % 13 - 6) }, [D, 5]))
        file.add("global_proj.bias", Tensor((0..<D).map { scale * Float($0 % 7 - 3) }, [D]))
        try file.write(to: folder.place("v1.safetensors"))
        return try LlamaAdapter(Safetensors(path: folder.place("v1.safetensors")), base: llama.configuration)
    }

    private func run(_ adapter: LlamaAdapter, _ query: Tensor?) throws -> (logits: [Float], hidden: [[Float]]) {
        let state = try Llama.State(llama, capacity: 64)
        state.prompts = adapter.prompts(query, in: llama)
        var hidden: [[Float]] = []
        let logits = try llama.forward(tokens, state, logits: .all) { _, x, rows, _ in
            hidden.append(x.slice(rows: 0..<rows).array)
        }
        return (logits.array, hidden)
    }

    /// Class token first, then patches.
    private let features = Tensor((0..<15).map { 0.3 * Float($0 % 5 - 2) + Float($0 / 5) }, [3, 5])

    @Test func sizesAreRead() throws {
        let adapter = try adapter(scale: 0.1)
        #expect(adapter.family == .v1 && adapter.readsPictures && adapter.gating == .raw)
        #expect(adapter.configuration.featureWidth == 5 && adapter.configuration.queries == 1)
        #expect((adapter.configuration.prompts, adapter.configuration.layers) == (10, 1))
        #expect(throws: ModelError.features(expected: "[tokens, 5]", found: "[3, 4]")) {
            try adapter.visualQuery(Tensor(3, 4))
        }
    }

    @Test func aProjectionOfZeroIsV1() throws {
        let (with, plain) = (
            try adapter(scale: 0),
            try LlamaAdapter(CheckpointReader.open(Golden.tiny("v1.pth")), base: llama.configuration)
        )
        let reference = try run(plain, nil).logits
        #expect(try run(with, with.visualQuery(features)).logits == reference)
        // And without a picture, whatever the projection is.
        #expect(try run(adapter(scale: 0.1), nil).logits == reference)
        #expect(try adapter(scale: 0.1).promptsWithoutPicture(in: llama) != nil)
    }

    @Test func onlyTheLastLayersSeeThePicture() throws {
        let adapter = try adapter(scale: 0.1)
        let (one, other) = (try run(adapter, adapter.visualQuery(features)), try run(adapter, nil))
        #expect(one.hidden[0] == other.hidden[0] && one.hidden[1] == other.hidden[1])
        #expect(one.hidden[2] != other.hidden[2] && one.logits != other.logits)
    }

    /// The same vector is added to each prompt, so it can as well be added to the file's prompts.
    @Test func theQueryIsRepeatedOverThePrompts() throws {
        let adapter = try adapter(scale: 0.1)
        let query = try adapter.visualQuery(features)
        #expect(query.shape == [1, llama.configuration.width])
        let summed = try #require(adapter.prompts(query, in: llama).layer(1))
        let learned = try #require(adapter.adapterQuery)
        for row in 0..<learned.rows { Math.axpy(1, query.data, learned.row(row), learned.columns) }
        let expected = try #require(adapter.prompts(nil, in: llama).layer(1))
        #expect(summed.keys.array == expected.keys.array && summed.values.array == expected.values.array)
    }

    /// Global features are the class tokens, those of several scales behind one another; patches count for nothing.
    @Test func scalesAreConcatenated() throws {
        let adapter = try adapter(scale: 0.1, blocks: "1")
        #expect(adapter.visionBlocks == [1])
        let parts = [Tensor([1, 2, 3, 9, 9, 9], [2, 3]), Tensor([4, 5, 8, 8], [2, 2])]
        let query = try adapter.visualQuery(adapter.features(parts))
        let same = try adapter.visualQuery(Tensor([1, 2, 3, 4, 5], [1, 5]))
        #expect(query.array == same.array)
        let D = llama.configuration.width
        let expected = (0..<D).map { row -> Float in
            var sum = 0.1 * Float(row % 7 - 3)
            for i in 0..<5 {
                let weight = 0.1 * Float((row * 5 + i) % 13 - 6)
                sum += weight * Float(i + 1)
            }
            return sum
        }
        #expect(Golden.difference(query, Tensor(expected, [1, D])) < 1e-5)
    }
}
