import Checkpoints
import Glibc
import Golden
import Tensors
import Testing

@testable import Models

/// The real SmolLM2-135M-Instruct against transformers' float32 numbers (fixtures/smollm2).
@Suite(
    .enabled(if: Golden.smolLM2 != nil, "the SmolLM2 GGUF is not in the data folder: make setup fetches it"),
    .enabled(if: Golden.fixture("smollm2/expected.json") != nil, "the reference numbers are not beside the repository"))
struct SmolLM2Tests {
    let llama: Llama
    let prompts: [JSONValue]
    static let tolerance: Float = 2e-3

    init() throws {
        llama = try Llama(gguf: GGUF(path: try #require(Golden.smolLM2)))
        let file = try #require(Golden.fixture("smollm2/expected.json"))
        prompts = try #require(try JSONValue(path: file)["prompts"]?.array)
    }

    @Test func hasTheSizesOfTheCard() {
        #expect(
            llama.configuration
                == LlamaConfiguration(
                    width: 576, layers: 30, heads: 9, kvHeads: 3, headSize: 64, hidden: 1536, vocabulary: 49152,
                    context: 8192, normEps: 1e-5, ropeTheta: 100000, ropeSize: 64))
    }

    @Test(arguments: 0..<4) func logitsAgreeAtEveryPosition(_ which: Int) throws {
        let prompt = prompts[which]
        let logits = try llama.forward(prompt.ids("ids"), Llama.State(llama, capacity: 256), logits: .all)
        for (row, (top, sum)) in zip(prompt.tops("top5"), prompt.numbers("logsumexp")).enumerated() {
            let found = logits.row(row)
            for (id, value) in zip(top.ids, top.values) {
                #expect(abs(found[id] - value) < Self.tolerance, "prompt \(which), row \(row), token \(id)")
            }
            #expect(abs(logSumExp(found, logits.columns) - sum) < Self.tolerance, "prompt \(which), row \(row)")
        }
    }

    /// Each step is fed the reference's tokens, so that one difference does not hide the next. A difference is
    /// allowed where the reference's two best logits are closer than 1e-2, and is shown.
    @Test(arguments: 0..<4) func greedyTokensAreIdentical(_ which: Int) throws {
        let prompt = prompts[which]
        let state = try Llama.State(llama, capacity: 256)
        var logits = try llama.forward(prompt.ids("ids"), state)
        for (step, (id, top)) in zip(prompt.ids("greedy_ids"), prompt.tops("greedy_top5")).enumerated() {
            let found = argmax(logits)
            let gap = top.values[0] - top.values[1]
            #expect(found == id || gap < 1e-2, "prompt \(which), step \(step): gap \(gap)")
            if found != id { print("prompt \(which), step \(step): \(found) for \(id) at a gap of \(gap)") }
            for (id, value) in zip(top.ids, top.values) {
                #expect(abs(logits.data[id] - value) < Self.tolerance, "prompt \(which), step \(step), token \(id)")
            }
            logits = try llama.forward([id], state)
        }
    }

    private func logSumExp(_ row: UnsafeMutablePointer<Float>, _ count: Int) -> Float {
        let most = (0..<count).reduce(-Float.infinity) { max($0, row[$1]) }
        return most + Float(log((0..<count).reduce(0.0) { $0 + exp(Double(row[$1] - most)) }))
    }
}

extension JSONValue {
    func ids(_ key: String) -> [Int] { self[key]?.array?.compactMap(\.int) ?? [] }
    func numbers(_ key: String) -> [Float] { self[key]?.array?.compactMap { $0.double.map { Float($0) } } ?? [] }
    func tops(_ key: String) -> [(ids: [Int], values: [Float])] {
        self[key]?.array?.map { ($0.ids("ids"), $0.numbers("values")) } ?? []
    }
}
