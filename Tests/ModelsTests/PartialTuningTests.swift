import Checkpoints
import Golden
import Tensors
import Testing

@testable import Models

/// Adapters that tune some layers only, that have no prefix, and low-rank changes.
@Suite struct PartialTuningTests {
    let llama: Llama
    let file: Safetensors

    init() throws {
        llama = try Llama(gguf: GGUF(path: Golden.tiny("language.gguf")))
        file = try Safetensors(path: Golden.tiny("adapter.safetensors"))
    }

    private func logits(_ adapter: LlamaAdapter) throws -> [Float] {
        let model = llama.adapted(by: adapter)
        let state = try Llama.State(model, capacity: 16)
        state.prompts = adapter.prompts(nil, in: model)
        return try model.forward([5, 17, 300, 2], state).array
    }

    @Test func eachLayerHasWhatTheFileHasForIt() throws {
        let whole = try LlamaAdapter(file, base: llama.configuration)
        let late = EditedCheckpoint(file) {
            $0.hasPrefix("llama.layers.0.") && !$0.hasSuffix("gate") ? nil : $0
        }
        let adapter = try LlamaAdapter(late, base: llama.configuration)
        let model = llama.adapted(by: adapter)
        #expect(model.layers[0].wq.bias == nil)
        #expect(model.layers[0].attentionNorm === llama.layers[0].attentionNorm)
        #expect(model.layers[1].wq.bias?.array == whole.tuning[1].wq.bias?.array)
        #expect(model.layers[1].wq.bias != nil)
        let single = EditedCheckpoint(file) { $0.hasSuffix("w2.bias") && $0.contains(".layers.1.") ? nil : $0 }
        #expect(try LlamaAdapter(single, base: llama.configuration).tuning.map { $0.w2.bias == nil } == [false, true])
        #expect(try logits(adapter) != logits(whole))
    }

    @Test func prefixMayBeMissing() throws {
        let bare = EditedCheckpoint(file) { $0.hasPrefix("llama.") ? String($0.dropFirst("llama.".count)) : $0 }
        let (a, b) = (try LlamaAdapter(file, base: llama.configuration), try LlamaAdapter(bare, base: llama.configuration))
        #expect(try logits(a) == logits(b))
    }

    @Test func gatesAndUnknownKeysAreStillWatched() throws {
        func faults(_ rename: (String) -> String?) -> String {
            do {
                _ = try LlamaAdapter(EditedCheckpoint(file, rename: rename), base: llama.configuration)
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        let last = "llama.layers.1.attention."
        #expect(faults { $0 == last + "gate" ? nil : $0 }.contains("\(last)gate: missing"))
        #expect(faults { $0 == last + "wq.bias" ? last + "wx.bias" : $0 }.contains("\(last)wx.bias: unexpected"))
        // Half of a low-rank change.
        #expect(
            faults { $0 == last + "wq.bias" ? last + "lora_wq_l2.weight" : $0 }
                .contains("\(last)lora_wq_l1.weight: missing"))
    }

    @Test func visualHeadsAreTheCallers() throws {
        #expect(try LlamaAdapter(file, base: llama.configuration, visualHeads: 2).configuration.visualHeads == 2)
        #expect {
            _ = try LlamaAdapter(file, base: llama.configuration, visualHeads: 5)
        } throws: {
            "\($0)".hasSuffix("v_num_heads: expected a divisor of 32, found 5")
        }
    }

    /// y = W x + b + B (A x) in plain loops, for one row and for many.
    @Test(arguments: [1, 3, 70]) func lowRankIsAdded(_ rows: Int) {
        let (inputs, outputs, rank) = (24, 40, 5)
        func wave(_ shape: [Int], _ step: Float) -> Tensor {
            let tensor = Tensor(shape)
            for i in 0..<tensor.count { tensor.data[i] = Float(i * 7 % 23 - 11) * step }
            return tensor
        }
        let (W, A, B) = (wave([outputs, inputs], 0.1), wave([rank, inputs], 0.2), wave([outputs, rank], -0.3))
        let (x, bias) = (wave([rows, inputs], 0.05), wave([outputs], 1))
        var linear = Linear(weight: Matrix(W), bias: bias)
        linear.lowRank = LowRank(down: A, up: B)
        let y = Tensor(rows, outputs)
        linear(x, rows: rows, into: y)
        var worst: Double = 0
        for t in 0..<rows {
            for o in 0..<outputs {
                var sum = Double(bias.data[o])
                for i in 0..<inputs {
                    var weight = Double(W.row(o)[i])
                    for r in 0..<rank { weight += Double(B.row(o)[r]) * Double(A.row(r)[i]) }
                    sum += weight * Double(x.row(t)[i])
                }
                worst = max(worst, abs(sum - Double(y.row(t)[o])))
            }
        }
        #expect(worst < 1e-4)
    }
}
