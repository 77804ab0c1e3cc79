import Checkpoints
import Golden
import Tensors
import Testing

@testable import Models

/// The committed tiny adapters without pictures, in the released layouts, against what
/// Tests/Fixtures/tiny/make_adapters.py computes in float64; and what is refused.
@Suite struct TinyAdaptersTests {
    /// A file, and how it is read.
    struct Variant: CustomTestStringConvertible {
        let name: String
        let file: String
        var promptLength: Int?
        var gating: LlamaAdapter.Gating?
        var testDescription: String { name }
    }

    static let variants = [
        Variant(name: "v1.raw", file: "v1.pth"),
        Variant(name: "v1.tanh", file: "v1.pth", gating: .tanh),
        Variant(name: "v1-short.raw", file: "v1-short.pth", promptLength: 3),
        Variant(name: "dialog", file: "dialog.pth"),
    ]

    let llama: Llama
    let expected = Golden.tiny("expected-adapters.safetensors")

    init() throws { llama = try Llama(gguf: GGUF(path: Golden.tiny("language.gguf"))) }

    private var tokens: [Int] { get throws { try Golden.tensor(expected, "tokens").array.map { Int($0) } } }

    private func checkpoint(_ name: String) throws -> any Checkpoint { try CheckpointReader.open(Golden.tiny(name)) }

    private func prepared(_ variant: Variant) throws -> (Llama, Llama.State) {
        let adapter = try LlamaAdapter(
            checkpoint(variant.file), base: llama.configuration, promptLength: variant.promptLength,
            gating: variant.gating)
        let model = llama.adapted(by: adapter)
        let state = try Llama.State(model, capacity: 64)
        state.prompts = adapter.promptsWithoutPicture(in: model)
        return (model, state)
    }

    @Test(arguments: variants) func logitsAgree(_ variant: Variant) throws {
        let (model, state) = try prepared(variant)
        var hidden: [Tensor] = []
        let logits = try model.forward(tokens, state, logits: .all) { _, x, rows, _ in
            hidden.append(x.slice(rows: rows - 4..<rows))
        }
        let last = logits.slice(rows: logits.rows - 4..<logits.rows)
        #expect(Golden.difference(last, try Golden.tensor(expected, variant.name + ".logits")) < 5e-5)
        #expect(hidden.count == 3)
        for (i, states) in hidden.enumerated() {
            let reference = try Golden.tensor(expected, "\(variant.name).hidden.\(i)")
            #expect(Golden.difference(states, reference) < 5e-5, "hidden.\(i)")
        }
    }

    @Test(arguments: variants) func greedyTokensAgree(_ variant: Variant) throws {
        let (model, state) = try prepared(variant)
        let reference = try Golden.tensor(expected, variant.name + ".greedy").array.map { Int($0) }
        var next = argmax(try model.forward(tokens, state))
        var greedy = [next]
        while greedy.count < reference.count {
            next = argmax(try model.forward([next], state))
            greedy.append(next)
        }
        #expect(greedy == reference)
    }

    @Test func familiesAreTold() throws {
        #expect(try LlamaAdapter.Family(of: checkpoint("v1.pth")) == .v1)
        #expect(try LlamaAdapter.Family(of: checkpoint("dialog.pth")) == .v2Dialog)
        #expect(try LlamaAdapter.Family(of: checkpoint("adapter.safetensors")) == .v2Multimodal)
        let model = try checkpoint("language.gguf")
        #expect {
            _ = try LlamaAdapter(model, base: llama.configuration)
        } throws: {
            "\($0)".contains("adapter_query.weight: expected it, visual_query.weight or trained biases and scales")
        }
    }

    /// What is wrong with a file on this base, with some of its tensors gone or renamed.
    private func fault(
        _ name: String, base: LlamaConfiguration? = nil, promptLength: Int? = nil,
        _ rename: (String) -> String? = { $0 }
    ) -> String {
        do {
            _ = try LlamaAdapter(
                EditedCheckpoint(checkpoint(name), rename: rename), base: base ?? llama.configuration,
                promptLength: promptLength)
            return "no error"
        } catch {
            return "\(error)".split(separator: "/").last.map(String.init) ?? ""
        }
    }

    @Test func promptLengthsThatCannotBe() {
        #expect(
            fault("v1-short.pth")
                == "v1-short.pth: adapter_query.weight: expected 10 rows (prompts of a layer, which the file does not say: "
                + "10 assumed) for each of at most 2 layers, found 6 rows")
        #expect(
            fault("v1-short.pth", promptLength: 2)
                == "v1-short.pth: adapter_query.weight: expected 2 rows (prompts of a layer, as asked for) for each of at "
                + "most 2 layers, found 6 rows")
        #expect(fault("v1-short.pth", promptLength: 0).contains("expected 0 rows"))
        #expect(fault("v1-short.pth", promptLength: 6) == "no error")
    }

    @Test func anotherBaseIsRefused() {
        var wide = llama.configuration
        (wide.width, wide.heads, wide.kvHeads, wide.hidden) = (128, 8, 4, 256)
        #expect(
            fault("v1.pth", base: wide)
                == "v1.pth: 2 faults in its tensors: adapter_query.weight: expected shape [10, 128], found shape [10, 64]; "
                + "layers.1.attention.gate: expected shape [1, 8, 1, 1], found shape [1, 4, 1, 1]")
        let dialog = fault("dialog.pth", base: wide)
        #expect(dialog.contains("layers.0.attention.wq_scale: expected shape [128], found shape [64]"))
        #expect(dialog.contains("layers.0.attention.wk_bias: expected shape [64], found shape [32]"))
        var deep = llama.configuration
        deep.layers = 3
        #expect(fault("v1.pth", base: deep).contains("layers.2.attention.gate: missing"))
        #expect(fault("dialog.pth", base: deep).contains("layers.2.attention.wq_scale: missing, expected shape [64]"))
        deep.layers = 1
        #expect(fault("v1.pth", base: deep).contains("layers.1.attention.gate: unexpected"))
        #expect(fault("dialog.pth", base: deep).contains("layers.1.attention.wk_bias: unexpected"))
    }

    /// The released dialog files tune every layer alike: what one lacks is no choice of theirs.
    @Test func missingAndExtraKeysAreListed() {
        let broken = fault("dialog.pth") { key in
            switch key {
            case "layers.1.feed_forward.w2_bias", "layers.0.attention_norm.weight": nil
            case "layers.1.attention.wo_scale": "layers.1.attention.wo_factor"
            default: key
            }
        }
        for expected in [
            "4 faults in its tensors", "layers.0.attention_norm.weight: missing", "layers.1.feed_forward.w2_bias: missing",
            "layers.1.attention.wo_scale: missing, expected shape [64]", "layers.1.attention.wo_factor: unexpected",
        ] {
            #expect(broken.contains(expected), "\(broken)")
        }
        #expect(fault("dialog.pth") { $0.hasSuffix("_scale") ? nil : $0 } == "no error")
        #expect(fault("v1.pth") { $0 == "layers.1.attention.gate" ? nil : $0 }.contains("gate: missing"))
    }

    @Test func picturesAreRefusedWhereNoneAreRead() throws {
        let adapter = try LlamaAdapter(checkpoint("dialog.pth"), base: llama.configuration)
        let fault = ModelError.features(
            expected: "none (LLaMA-Adapter V2 dialog reads no pictures)", found: "[17, 64]")
        #expect(throws: fault) { try adapter.visualQuery(Tensor(17, 64)) }
        #expect(throws: fault) { try adapter.features([Tensor(17, 64)]) }
    }

    /// Gates of zero are the plain model, whichever way they act.
    @Test(arguments: LlamaAdapter.Gating.allCases) func gatesOfZeroChangeNothing(_ gating: LlamaAdapter.Gating) throws {
        let adapter = try LlamaAdapter(checkpoint("v1.pth"), base: llama.configuration, gating: gating)
        let gate = try #require(adapter.injections[1]?.gate)
        gate.data.update(repeating: 0, count: gate.count)
        let state = try Llama.State(llama, capacity: 64)
        let plain = try llama.forward(tokens, state, logits: .all)
        state.reset()
        state.prompts = adapter.promptsWithoutPicture(in: llama)
        #expect(try llama.forward(tokens, state, logits: .all).array == plain.array)
    }
}
