import Models
import Tensors

// One layer of a LLaMA with everything that an adapter may add to it, forward and backward. T rows of width D,
// H query heads and G key heads of width d, feed-forward width F; the maths is that of Models/Llama.swift.

/// A weight of the base that an adapter may replace.
struct NormWeight {
    let base: Tensor  // [D]
    var parameter: Parameter?
    var weight: Tensor { parameter?.value ?? base }
}

final class TunedLayer {
    var attentionNorm: NormWeight
    let wq, wk, wv, wo: TunedLinear
    var ffnNorm: NormWeight
    let w1, w2, w3: TunedLinear
    var prompted: PromptedLayer?
    private let configuration: LlamaConfiguration

    /// What backward needs of a forward pass.
    struct Saved {
        let x: Tensor  // [T, D]    read
        let n: Tensor  // [T, D]    rms(x)
        let q: Tensor  // [T, H d]  turned
        let k: Tensor  // [T, G d]  turned
        let v: Tensor  // [T, G d]
        let p: Tensor  // [H · probabilities, 1]: batches differ in how many, and columns must not
        let a: Tensor  // [T, H d]
        let middle: Tensor  // [T, D]    x + wo a
        let m: Tensor  // [T, D]    rms(middle)
        let gate: Tensor  // [T, F]
        let up: Tensor  // [T, F]
        let product: Tensor  // [T, F]    silu(gate) up
        var prompts: Prompts?
        let linears: [TunedLinear.Saved]  // q, k, v, o, 1, 2, 3
    }

    struct Prompts {
        let raw: Tensor  // [S P, D]
        let read: Tensor  // [S P, D]  normed, if they are
        let k: Tensor  // [S P, G d]
        let v: Tensor  // [S P, G d]
        let p: Tensor  // [T, H P]
        let factors: [Float]
    }

    init(_ weights: Llama.LayerWeights, _ configuration: LlamaConfiguration, _ precision: Precision) {
        self.configuration = configuration
        attentionNorm = NormWeight(base: weights.attentionNorm)
        ffnNorm = NormWeight(base: weights.ffnNorm)
        func linear(_ w: Matrix) -> TunedLinear { TunedLinear(FrozenWeight(w, precision)) }
        (wq, wk, wv, wo) = (linear(weights.wq), linear(weights.wk), linear(weights.wv), linear(weights.wo))
        (w1, w2, w3) = (linear(weights.w1), linear(weights.w2), linear(weights.w3))
    }

    var heads: Int { configuration.heads }

    var linears: [TunedLinear] { [wq, wk, wv, wo, w1, w2, w3] }

    /// Whether the batch at hand trains anything in this layer.
    func isActive(visual: Bool) -> Bool {
        if attentionNorm.parameter?.isActive == true || ffnNorm.parameter?.isActive == true { return true }
        if linears.contains(where: { $0.isActive }) { return true }
        guard let prompted else { return false }
        return prompted.isActive || (visual && prompted.readsVisual)
    }

    /// Whether attention's gradient must reach the words' own queries, keys and values in the lowest layer.
    private var trainsWords: Bool {
        attentionNorm.parameter?.isActive == true || [wq, wk, wv].contains { $0.isActive }
    }

    /// The hidden states after this layer [T, D] of those before it. `visual`: [S P, D] of the batch's examples.
    func forward(_ x: Tensor, visual: Tensor?, _ batch: Batch, _ rotary: RotaryTable, _ space: Workspace) -> (
        Tensor, Saved
    ) {
        let (T, c) = (batch.rows, configuration)
        let words = project(x, batch, rotary, space)
        let (a, p) = (space.tensor(T, c.queryWidth), space.tensor(c.heads * batch.probabilities, 1))
        WordAttention(c).forward(q: words.q, k: words.k, v: words.v, into: a, p: p, batch)
        let prompts = look(words.q, visual: visual, addingInto: a, batch, space)
        return finish(x, words, a, p, prompts, rows: T, space)
    }

    /// The hidden states [R, D] of one more word in each of R texts, of which the layer remembers what came before.
    func follow(_ x: Tensor, _ step: SampleStep, _ memory: LayerMemory, _ rotary: RotaryTable, _ space: Workspace)
        -> Tensor
    {
        let (R, c) = (step.batch.rows, configuration)
        let words = project(x, step.batch, rotary, space)
        let a = space.tensor(R, c.queryWidth)
        for (r, slot) in step.slots.enumerated() {
            memory.k.row(slot * step.longest + step.done).update(from: words.k.row(r), count: c.kvWidth)
            memory.v.row(slot * step.longest + step.done).update(from: words.v.row(r), count: c.kvWidth)
        }
        WordAttention(c).follow(q: words.q, into: a, step, memory)
        if let prompted, let prompts = memory.prompts {
            PromptAttention(c, prompts: prompted.count).forward(
                q: words.q, k: prompts.k, v: prompts.v, factors: prompts.factors, addingInto: a,
                p: space.tensor(R, c.heads * prompted.count), step.batch)
        }
        return finish(x, words, a, a, nil, rows: R, space).0
    }

    /// The words' normed states, and their queries, keys and values, turned.
    private typealias Words = (n: Tensor, q: Tensor, k: Tensor, v: Tensor, linears: [TunedLinear.Saved])

    private func project(_ x: Tensor, _ batch: Batch, _ rotary: RotaryTable, _ space: Workspace) -> Words {
        let (T, c) = (batch.rows, configuration)
        let n = space.tensor(T, c.width)
        Math.rmsNorm(x, rows: T, weight: attentionNorm.weight, eps: c.normEps, into: n)
        let (q, k, v) = (space.tensor(T, c.queryWidth), space.tensor(T, c.kvWidth), space.tensor(T, c.kvWidth))
        let saved = [
            wq.forward(n, rows: T, into: q, space), wk.forward(n, rows: T, into: k, space),
            wv.forward(n, rows: T, into: v, space),
        ]
        turn(q, k, batch, rotary, back: false)
        return (n, q, k, v, saved)
    }

    /// From what attention found, `a` with probabilities `p`, to the layer's result.
    private func finish(
        _ x: Tensor, _ words: Words, _ a: Tensor, _ p: Tensor, _ prompts: Prompts?, rows T: Int, _ space: Workspace
    ) -> (Tensor, Saved) {
        let c = configuration
        let middle = space.tensor(T, c.width)
        let savedO = wo.forward(a, rows: T, into: middle, space)
        Math.add(middle, x, rows: T, into: middle)
        let m = space.tensor(T, c.width)
        Math.rmsNorm(middle, rows: T, weight: ffnNorm.weight, eps: c.normEps, into: m)
        let (gate, up, product) = (space.tensor(T, c.hidden), space.tensor(T, c.hidden), space.tensor(T, c.hidden))
        let saved1 = w1.forward(m, rows: T, into: gate, space)
        let saved3 = w3.forward(m, rows: T, into: up, space)
        Math.siluMultiply(gate, up, rows: T, into: product)
        let out = space.tensor(T, c.width)
        let saved2 = w2.forward(product, rows: T, into: out, space)
        Math.add(out, middle, rows: T, into: out)
        return (
            out,
            Saved(
                x: x, n: words.n, q: words.q, k: words.k, v: words.v, p: p, a: a, middle: middle, m: m, gate: gate,
                up: up, product: product, prompts: prompts, linears: words.linears + [savedO, saved1, saved2, saved3])
        )
    }

    /// The gradient in what the layer read, given that in what it wrote, `d` [T, D], which is overwritten by it.
    /// Adds to the gradients of what is active here and to `dVisual` [S P, D]. The lowest layer that is trained gives
    /// no gradient further down.
    func backward(
        _ d: Tensor, _ s: Saved, dVisual: Tensor?, isLowest: Bool, _ batch: Batch, _ rotary: RotaryTable,
        _ space: Workspace
    ) {
        let mark = space.mark()
        defer { space.release(to: mark) }
        let (T, c) = (batch.rows, configuration)
        let (dProduct, dGate) = (space.tensor(T, c.hidden), space.tensor(T, c.hidden))
        w2.backward(d, rows: T, x: s.product, s.linears[5], into: dProduct, adding: false, space)
        Math.siluMultiplyBackward(s.gate, s.up, rows: T, dProduct, dGate: dGate, dUp: dProduct)
        let dn = space.tensor(T, c.width)
        w1.backward(dGate, rows: T, x: s.m, s.linears[4], into: dn, adding: false, space)
        w3.backward(dProduct, rows: T, x: s.m, s.linears[6], into: dn, adding: true, space)
        Math.rmsNormBackward(
            s.middle, rows: T, weight: ffnNorm.weight, eps: c.normEps, dn, addingInto: d,
            dWeight: ffnNorm.parameter?.sink)

        let da = space.tensor(T, c.queryWidth)
        wo.backward(d, rows: T, x: s.a, s.linears[3], into: da, adding: false, space)
        let dq = space.tensor(T, c.queryWidth)
        if isLowest, !trainsWords {
            dq.data.update(repeating: 0, count: T * c.queryWidth)
            look(back: da, s, dq: dq, dVisual: dVisual, batch, space)
            return
        }
        let (dk, dv) = (space.zeros(T, c.kvWidth), space.zeros(T, c.kvWidth))
        WordAttention(c).backward(
            da, q: s.q, k: s.k, v: s.v, p: s.p, dq: dq, dk: dk, dv: dv, batch,
            scratch: space.tensor(c.heads * batch.probabilities, 1))
        look(back: da, s, dq: dq, dVisual: dVisual, batch, space)
        turn(dq, dk, batch, rotary, back: true)
        wq.backward(dq, rows: T, x: s.n, s.linears[0], into: dn, adding: false, space)
        wk.backward(dk, rows: T, x: s.n, s.linears[1], into: dn, adding: true, space)
        wv.backward(dv, rows: T, x: s.n, s.linears[2], into: dn, adding: true, space)
        Math.rmsNormBackward(
            s.x, rows: T, weight: attentionNorm.weight, eps: c.normEps, dn, addingInto: d,
            dWeight: attentionNorm.parameter?.sink)
    }

    private func turn(_ q: Tensor, _ k: Tensor, _ batch: Batch, _ rotary: RotaryTable, back: Bool) {
        let c = configuration
        for (t, position) in batch.positions.enumerated() {
            rotary.rotate(q.row(t), heads: c.heads, position: position, back: back)
            rotary.rotate(k.row(t), heads: c.kvHeads, position: position, back: back)
        }
    }

    /// Words look at the layer's prompts, if it has any for this batch.
    private func look(_ q: Tensor, visual: Tensor?, addingInto a: Tensor, _ batch: Batch, _ space: Workspace)
        -> Prompts?
    {
        guard let prompted, !prompted.readsVisual || visual != nil else { return nil }
        let c = configuration
        let (examples, rows) = (batch.examples.count, batch.examples.count * prompted.count)
        let raw = prompted.prompts(visual, examples: examples, width: c.width, space)
        var read = raw
        if prompted.isNormed {
            read = space.tensor(rows, c.width)
            Math.rmsNorm(raw, rows: rows, weight: attentionNorm.weight, eps: c.normEps, into: read)
        }
        let (k, v) = (space.tensor(rows, c.kvWidth), space.tensor(rows, c.kvWidth))
        // Prompts see the base's weights alone: no bias, scale or LoRA.
        wk.weight.forward(read.data, rows: rows, into: k.data)
        wv.weight.forward(read.data, rows: rows, into: v.data)
        let p = space.tensor(batch.rows, c.heads * prompted.count)
        let factors = prompted.factors
        PromptAttention(c, prompts: prompted.count).forward(
            q: q, k: k, v: v, factors: factors, addingInto: a, p: p, batch)
        return Prompts(raw: raw, read: read, k: k, v: v, p: p, factors: factors)
    }

    /// The gradient of `look`: adds to dq, to the gradients of prompts and gates, and to `dVisual`.
    private func look(back da: Tensor, _ s: Saved, dq: Tensor, dVisual: Tensor?, _ batch: Batch, _ space: Workspace) {
        guard let prompted, let prompts = s.prompts else { return }
        let c = configuration
        let (examples, rows) = (batch.examples.count, batch.examples.count * prompted.count)
        let (dk, dv) = (space.zeros(rows, c.kvWidth), space.zeros(rows, c.kvWidth))
        let dFactors = PromptAttention(c, prompts: prompted.count).backward(
            da, q: s.q, k: prompts.k, v: prompts.v, factors: prompts.factors, p: prompts.p, addingInto: dq, dk: dk,
            dv: dv, batch, scratch: space.tensor(batch.rows, c.heads * prompted.count))
        prompted.addGateGradients(dFactors)
        guard prompted.query?.isActive == true || (prompted.readsVisual && dVisual != nil) || prompted.isNormed else {
            return
        }
        let dRead = space.tensor(rows, c.width)
        wk.weight.backward(dk.data, rows: rows, into: dRead.data, adding: false)
        wv.weight.backward(dv.data, rows: rows, into: dRead.data, adding: true)
        guard prompted.isNormed else {
            return prompted.addPromptGradients(dRead, visual: dVisual, examples: examples)
        }
        let dRaw = space.zeros(rows, c.width)
        Math.rmsNormBackward(
            prompts.raw, rows: rows, weight: attentionNorm.weight, eps: c.normEps, dRead, addingInto: dRaw,
            dWeight: attentionNorm.parameter?.sink)
        prompted.addPromptGradients(dRaw, visual: dVisual, examples: examples)
    }
}
