import Glibc
import Models
import Tensors

/// Zero-init gated attention (arXiv 2303.16199): words look at an adapter's prompts with a softmax of their own, and a
/// gate per head says how much of it counts: a += g · softmax(q kᵀ / √d) v, with g = tanh(gate) · new_gate.
///
///   q, a [T, H d]   k, v [S P, G d]: P prompts for each of S examples   p [T, H, P]
struct PromptAttention {
    let heads: Int
    let kvHeads: Int
    let size: Int
    /// Prompts of an example, P.
    let prompts: Int

    init(_ c: LlamaConfiguration, prompts: Int) {
        (heads, kvHeads, size) = (c.heads, c.kvHeads, c.headSize)
        self.prompts = prompts
    }

    private var scale: Float { 1 / Float(size).squareRoot() }
    private var width: Int { heads * size }
    private var kvWidth: Int { kvHeads * size }
    /// From one row's probabilities of a head to the next row's.
    private var stride: Int { heads * prompts }

    func forward(q: Tensor, k: Tensor, v: Tensor, factors: [Float], addingInto a: Tensor, p: Tensor, _ batch: Batch) {
        ThreadPool.shared.run(batch.examples.count * heads) { task in
            let (e, h) = (task / heads, task % heads)
            let rows = batch.examples[e].rows
            let at = h * size
            let kv = h * kvHeads / heads * size
            let p = p.row(rows.lowerBound) + h * prompts
            Math.sgemm(
                m: rows.count, n: prompts, k: size, a: q.row(rows.lowerBound) + at, lda: width,
                b: k.row(e * prompts) + kv, ldb: kvWidth, transB: true, c: p, ldc: stride, alpha: scale)
            for r in 0..<rows.count { Math.softmax(p + r * stride, count: prompts) }
            Math.sgemm(
                m: rows.count, n: size, k: prompts, a: p, lda: stride, b: v.row(e * prompts) + kv, ldb: kvWidth,
                c: a.row(rows.lowerBound) + at, ldc: width, alpha: factors[h], beta: 1)
        }
    }

    /// Adds to dq; dk and dv start at zero. Returns the gradients of the factors g, one for each head.
    func backward(
        _ da: Tensor, q: Tensor, k: Tensor, v: Tensor, factors: [Float], p: Tensor, addingInto dq: Tensor, dk: Tensor,
        dv: Tensor, _ batch: Batch, scratch dp: Tensor
    ) -> [Float] {
        let examples = batch.examples.count
        let dFactors = Tensor(examples, heads)
        ThreadPool.shared.run(examples * kvHeads) { task in
            let (e, g) = (task / kvHeads, task % kvHeads)
            let rows = batch.examples[e].rows
            let first = rows.lowerBound
            let kv = g * size
            let keys = k.row(e * prompts) + kv
            let values = v.row(e * prompts) + kv
            let dKeys = dk.row(e * prompts) + kv
            let dValues = dv.row(e * prompts) + kv
            for h in g * heads / kvHeads..<(g + 1) * heads / kvHeads {
                let at = h * size
                let p = p.row(first) + h * prompts
                let dp = dp.row(first) + h * prompts
                Math.sgemm(
                    m: rows.count, n: prompts, k: size, a: da.row(first) + at, lda: width, b: values, ldb: kvWidth,
                    transB: true, c: dp, ldc: stride)
                Math.sgemm(
                    m: prompts, n: size, k: rows.count, a: p, lda: stride, transA: true, b: da.row(first) + at,
                    ldb: width, c: dValues, ldc: kvWidth, alpha: factors[h], beta: 1)
                var along: Float = 0
                for r in 0..<rows.count {
                    along += Math.dot(p + r * stride, dp + r * stride, prompts)
                    Math.softmaxBackward(p + r * stride, dp + r * stride, count: prompts)
                }
                dFactors.row(e)[h] = along
                // d softmax was taken of the ungated result: the factor joins here.
                let alpha = scale * factors[h]
                Math.sgemm(
                    m: rows.count, n: size, k: prompts, a: dp, lda: stride, b: keys, ldb: kvWidth,
                    c: dq.row(first) + at, ldc: width, alpha: alpha, beta: 1)
                Math.sgemm(
                    m: prompts, n: size, k: rows.count, a: dp, lda: stride, transA: true, b: q.row(first) + at,
                    ldb: width, c: dKeys, ldc: kvWidth, alpha: alpha, beta: 1)
            }
        }
        return (0..<heads).map { h in (0..<examples).reduce(0) { $0 + dFactors.row($1)[h] } }
    }
}
