import Checkpoints
import Golden
import Tensors
import Testing

@testable import Models

/// LLaMA-Adapter V2 dialog from files in the official layout, on a base in one file and in two, against the reference
/// implementation's numbers.
@Suite(
    .enabled(
        if: Golden.fixture("v2-dialog/expected.json") != nil, "the reference numbers are not beside the repository"))
struct OfficialDialogTests {
    /// Of every hidden state and logit, as the fixtures' README gives it.
    static let tolerance: Float = 2e-3
    static let bases = ["llama", "llama-sharded"]
    static let templates = ["v1": DialogTemplate.v1, "bair_v1": .bairV1]

    let folder: String
    let expected: Safetensors

    init() throws {
        folder = try #require(Golden.fixture("v2-dialog"))
        expected = try Safetensors(path: folder + "/expected.safetensors")
    }

    private func loaded(_ name: String) throws -> (LanguageModel, LlamaAdapter) {
        let base = try LanguageModel(path: "\(folder)/\(name)")
        let adapter = try base.adapter(path: folder + "/chat_llama7b_bias_scale_norm_tuning_v1.pth")
        return (base.adapted(by: adapter), adapter)
    }

    /// Every turn with its key: "c2.t1".
    private var turns: [(key: String, turn: JSONValue)] {
        get throws {
            try #require(JSONValue(path: folder + "/expected.json")["cases"]?.array).flatMap { conversation in
                let name = conversation["case"]?.string ?? ""
                return (conversation["turns"]?.array ?? []).enumerated().map { ("\(name).t\($0)", $1) }
            }
        }
    }

    @Test func everyLinearIsTuned() throws {
        let (model, adapter) = try loaded("llama")
        #expect(adapter.family == .v2Dialog && !adapter.readsPictures)
        #expect(adapter.configuration == LlamaAdapter.Configuration(withoutPictures: 0, layers: 0))
        for layer in model.llama.layers {
            for linear in [layer.wq, layer.wk, layer.wv, layer.wo, layer.w1, layer.w2, layer.w3] {
                #expect(linear.bias?.count == linear.weight.rows)
                guard case .input(let scale) = linear.scale else {
                    Issue.record("no scale on the input")
                    continue
                }
                #expect(scale.count == linear.weight.columns)
            }
        }
        let base = try LanguageModel(path: folder + "/llama").llama
        #expect(model.llama.norm.array == base.norm.array)
        #expect(model.llama.layers[5].ffnNorm.array != base.layers[5].ffnNorm.array)
    }

    /// Prompts and their tokens, every answer put back into its conversation.
    @Test func conversationsAreWrittenAlike() throws {
        let (model, _) = try loaded("llama")
        for conversation in try #require(JSONValue(path: folder + "/expected.json")["cases"]?.array) {
            let template = try #require(Self.templates[conversation["template"]?.string ?? ""])
            var messages: [ChatMessage] = []
            for turn in conversation["turns"]?.array ?? [] {
                messages.append(ChatMessage(.user, try #require(turn["question"]?.string)))
                let text = template.render(messages)
                #expect(text == turn["prompt"]?.string)
                #expect(model.tokens(of: text) == turn.ids("ids"))
                #expect(model.tokens(of: text, room: 20) == turn.ids("ids").suffix(20))
                #expect(template.stop == turn["stop"]?.string)
                let written = model.tokenizer.decode(Array(turn.ids("greedy_ids").prefix { $0 != 2 }))
                let answer = template.answer(in: written)
                #expect(answer == turn["answer_stripped"]?.string)
                messages.append(ChatMessage(.assistant, answer))
            }
        }
    }

    @Test(arguments: bases) func logitsAgree(_ base: String) throws {
        let (model, adapter) = try loaded(base)
        var (worst, worstHidden, compared): (Float, Float, Int) = (0, 0, 0)
        for (key, turn) in try turns {
            let ids = turn.ids("ids")
            let state = try Llama.State(model.llama, capacity: 1024)
            state.prompts = adapter.promptsWithoutPicture(in: model.llama)
            let logits = try model.llama.forward(ids, state, logits: .all) { layer, x, rows, _ in
                func compare(_ name: String, _ found: Tensor) {
                    guard let states = try? expected.require("\(key).\(name)").tensor() else { return }
                    let difference = Golden.difference(found, states)
                    #expect(difference < Self.tolerance, "\(key).\(name)")
                    worstHidden = max(worstHidden, difference)
                    compared += 1
                }
                let states = x.slice(rows: 0..<rows)
                compare("hidden.\(layer)", states)
                let c = model.llama.configuration
                guard layer == c.layers else { return }
                Math.rmsNorm(states, rows: rows, weight: model.llama.norm, eps: c.normEps, into: states)
                compare("final_norm", states)
            }
            let name = expected.view(key + ".logits") == nil ? "logits_last128" : "logits"
            let reference = try expected.require("\(key).\(name)").tensor()
            let difference = Golden.difference(
                logits.slice(rows: ids.count - reference.rows..<ids.count), reference)
            #expect(difference < Self.tolerance, "\(key).\(name)")
            worst = max(worst, difference)
        }
        #expect(compared == 8)
        print("V2 dialog, \(base): largest difference of logits \(worst), of hidden states \(worstHidden)")
    }

    /// The likeliest token again and again, over the key/value cache, and the logits of each step.
    @Test(arguments: bases) func greedyTokensAgree(_ base: String) throws {
        let (model, adapter) = try loaded(base)
        var worst: Float = 0
        for (key, turn) in try turns {
            let state = try Llama.State(model.llama, capacity: 1024)
            state.prompts = adapter.promptsWithoutPicture(in: model.llama)
            let ids = turn.ids("greedy_ids")
            let steps = try expected.require(key + ".greedy_logits").tensor()
            #expect(ids.count == 24 && steps.rows == 24)
            var logits = try model.llama.forward(turn.ids("ids"), state)
            for (step, id) in ids.enumerated() {
                #expect(argmax(logits) == id, "\(key), step \(step)")
                let difference = Golden.difference(logits, steps.slice(rows: step..<step + 1))
                #expect(difference < Self.tolerance, "\(key), step \(step)")
                worst = max(worst, difference)
                logits = try model.llama.forward([id], state)
            }
        }
        print("V2 dialog, \(base): greedy runs, largest difference of logits \(worst)")
    }
}
