import Checkpoints
import Glibc
import Golden
import Tensors
import Testing

@testable import Models

/// LLaMA-Adapter V1 from files in the official layout, against the reference implementation's numbers.
@Suite(.enabled(if: Golden.fixture("v1/expected.json") != nil, "the reference numbers are not beside the repository"))
struct OfficialV1Tests {
    /// Of every hidden state and logit, as the fixtures' README gives it.
    static let tolerance: Float = 4e-4
    /// Prompts of a layer and adapted layers of the two files.
    static let adapters = [(length: 10, layers: 4), (length: 5, layers: 6)]

    let base: LanguageModel
    let file: String
    let expected: Safetensors

    init() throws {
        base = try LanguageModel(path: #require(Golden.fixture("v1/llama")))
        file = try #require(Golden.fixture("v1"))
        expected = try Safetensors(path: file + "/expected.safetensors")
    }

    private func path(_ length: Int, _ layers: Int) -> String {
        "\(file)/llama_adapter_len\(length)_layer\(layers)_release.pth"
    }

    private func prompts(_ length: Int) throws -> [JSONValue] {
        let adapters = try #require(JSONValue(path: file + "/expected.json")["adapters"]?.array)
        return try #require(adapters.first { $0["adapter_len"]?.int == length }?["prompts"]?.array)
    }

    /// A model that has read nothing, with the adapter's prompts.
    private func prepared(_ length: Int, _ layers: Int, _ gating: LlamaAdapter.Gating) throws -> (Llama, Llama.State) {
        let adapter = try base.adapter(path: path(length, layers), promptLength: length, gating: gating)
        let model = base.llama.adapted(by: adapter)
        let state = try Llama.State(model, capacity: 256)
        state.prompts = adapter.promptsWithoutPicture(in: model)
        return (model, state)
    }

    @Test(arguments: adapters) func sizesAreRead(_ length: Int, _ layers: Int) throws {
        let adapter = try base.adapter(path: path(length, layers))
        #expect(adapter.family == .v1 && adapter.gating == .raw && !adapter.readsPictures)
        #expect(adapter.configuration == LlamaAdapter.Configuration(withoutPictures: length, layers: layers))
        // Nobody's word for it but the loader's.
        let other = try base.adapter(path: path(length, layers), promptLength: 10).configuration
        #expect(other == LlamaAdapter.Configuration(withoutPictures: 10, layers: length * layers / 10))
    }

    @Test(arguments: adapters) func promptsAreWrittenAlike(_ length: Int, _ layers: Int) throws {
        for prompt in try prompts(length) {
            let text = AlpacaPrompt.text(
                instruction: try #require(prompt["instruction"]?.string), input: prompt["input"]?.string)
            #expect(text == prompt["prompt"]?.string)
            #expect(base.tokens(of: text) == prompt.ids("ids"))
        }
    }

    /// Hidden states, last norm and logits of every prompt, in the graph that answers and in the one that trains.
    @Test(arguments: adapters) func logitsAgree(_ length: Int, _ layers: Int) throws {
        var (worst, worstHidden, compared): (Float, Float, Int) = (0, 0, 0)
        for (gating, mode) in [(LlamaAdapter.Gating.raw, "inference"), (.tanh, "training")] {
            for (i, prompt) in try prompts(length).enumerated() {
                let key = "len\(length).p\(i).\(mode)"
                guard let reference = try expected.view("\(key).logits")?.tensor() else { continue }
                let (model, state) = try prepared(length, layers, gating)
                let logits = try model.forward(prompt.ids("ids"), state, logits: .all) { layer, x, rows, _ in
                    func compare(_ name: String, _ found: Tensor) {
                        guard let states = try? expected.require("\(key).\(name)").tensor() else { return }
                        let difference = Golden.difference(found, states)
                        #expect(difference < Self.tolerance, "\(key).\(name)")
                        worstHidden = max(worstHidden, difference)
                        compared += 1
                    }
                    let states = x.slice(rows: 0..<rows)
                    compare("hidden.\(layer)", states)
                    guard layer == model.configuration.layers else { return }
                    Math.rmsNorm(
                        states, rows: rows, weight: model.norm, eps: model.configuration.normEps, into: states)
                    compare("final_norm", states)
                }
                let difference = Golden.difference(logits, reference)
                #expect(difference < Self.tolerance, "\(key).logits")
                worst = max(worst, difference)
            }
        }
        #expect(compared == 16)
        print("V1, \(length) prompts: largest difference of logits \(worst), of hidden states \(worstHidden)")
    }

    /// The mean cross entropy of an answer, as training has it: labels are the next tokens, 0 where nothing is learned.
    @Test(arguments: adapters) func lossesAgree(_ length: Int, _ layers: Int) throws {
        for (i, prompt) in try prompts(length).enumerated() {
            let training = try #require(prompt["training"])
            let labels = training.ids("label_ids")
            let (model, state) = try prepared(length, layers, .tanh)
            let logits = try model.forward(training.ids("example_ids"), state, logits: .all)
            var (sum, count) = (0.0, 0.0)
            for t in 0..<labels.count - 1 where labels[t + 1] != 0 {
                let row = (0..<logits.columns).map { Double(logits.row(t)[$0]) }
                let most = row.max() ?? 0
                sum += log(row.reduce(0) { $0 + exp($1 - most) }) + most - row[labels[t + 1]]
                count += 1
            }
            let reference = try expected.require("len\(length).p\(i).training.loss").tensor().array[0]
            #expect(abs(Float(sum / count) - reference) < Self.tolerance, "prompt \(i)")
        }
    }

    /// The likeliest token again and again, over the key/value cache, and the logits of each step.
    @Test(arguments: adapters) func greedyTokensAgree(_ length: Int, _ layers: Int) throws {
        var worst: Float = 0
        for (gating, mode) in [(LlamaAdapter.Gating.raw, "inference"), (.tanh, "training")] {
            for (i, prompt) in try prompts(length).enumerated() {
                let (model, state) = try prepared(length, layers, gating)
                let ids = try #require(prompt[mode]).ids("greedy_ids")
                let steps = try expected.view("len\(length).p\(i).\(mode).greedy_logits")?.tensor()
                #expect(ids.count == 24 && (steps != nil || gating == .tanh))
                var logits = try model.forward(prompt.ids("ids"), state)
                for (step, id) in ids.enumerated() {
                    #expect(argmax(logits) == id, "\(mode), prompt \(i), step \(step)")
                    if let steps {
                        let difference = Golden.difference(logits, steps.slice(rows: step..<step + 1))
                        #expect(difference < Self.tolerance, "\(mode), prompt \(i), step \(step)")
                        worst = max(worst, difference)
                    }
                    logits = try model.forward([id], state)
                }
                guard let text = prompt[mode]?["text_with_prompt"]?.string else { continue }
                #expect(base.tokenizer.decode(prompt.ids("ids") + ids.prefix { $0 != 2 }) == text)
            }
        }
        print("V1, \(length) prompts: greedy runs, largest difference of logits \(worst)")
    }
}
