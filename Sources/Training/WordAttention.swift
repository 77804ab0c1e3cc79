import Models
import Tensors

/// Causal attention of words with each other, several query heads sharing keys and values, and its gradient.
///
///   q [T, H d]   k, v [T, G d]   a [T, H d]   p [H, probabilities]: what `Batch.Segment` lays out
struct WordAttention {
    let heads: Int
    let kvHeads: Int
    let size: Int

    init(_ c: LlamaConfiguration) {
        (heads, kvHeads, size) = (c.heads, c.kvHeads, c.headSize)
    }

    private var scale: Float { 1 / Float(size).squareRoot() }
    private var width: Int { heads * size }
    private var kvWidth: Int { kvHeads * size }

    /// a = softmax(q kᵀ / √d) v over what each row sees; keeps the probabilities in p.
    func forward(q: Tensor, k: Tensor, v: Tensor, into a: Tensor, p: Tensor, _ batch: Batch) {
        ThreadPool.shared.run(batch.examples.count * heads) { task in
            let (example, h) = (batch.examples[task / heads], task % heads)
            let at = h * size
            let kv = h * kvHeads / heads * size
            for s in example.segments {
                let seen = s.promptRows + s.rows
                let p = p.data + h * batch.probabilities + s.probability
                let query = q.row(s.start) + at
                let out = a.row(s.start) + at
                if s.promptRows > 0 {
                    Math.sgemm(
                        m: s.rows, n: s.promptRows, k: size, a: query, lda: width, b: k.row(s.promptStart) + kv,
                        ldb: kvWidth, transB: true, c: p, ldc: seen, alpha: scale)
                }
                Math.sgemm(
                    m: s.rows, n: s.rows, k: size, a: query, lda: width, b: k.row(s.start) + kv, ldb: kvWidth,
                    transB: true, c: p + s.promptRows, ldc: seen, alpha: scale)
                for r in 0..<s.rows {
                    let visible = s.promptRows + r + 1
                    Math.softmax(p + r * seen, count: visible)
                    (p + r * seen + visible).update(repeating: 0, count: seen - visible)
                }
                Math.sgemm(
                    m: s.rows, n: size, k: s.rows, a: p + s.promptRows, lda: seen, b: v.row(s.start) + kv,
                    ldb: kvWidth, c: out, ldc: width)
                if s.promptRows > 0 {
                    Math.sgemm(
                        m: s.rows, n: size, k: s.promptRows, a: p, lda: seen, b: v.row(s.promptStart) + kv,
                        ldb: kvWidth, c: out, ldc: width, beta: 1)
                }
            }
        }
    }

    /// The same for one more word of each text: it sees the prompt, the words before it and itself.
    func follow(q: Tensor, into a: Tensor, _ step: SampleStep, _ memory: LayerMemory) {
        let own = step.done + 1
        let most = own + (step.prompts.map(\.count).max() ?? 0)
        ThreadPool.shared.run(step.slots.count) { r in
            let (slot, prompt) = (step.slots[r], step.prompts[r])
            // The rows that are seen: the prompt's, then the text's own.
            let parts = [
                (
                    k: memory.promptK.row(prompt.lowerBound), v: memory.promptV.row(prompt.lowerBound),
                    rows: prompt.count
                ),
                (k: memory.k.row(slot * step.longest), v: memory.v.row(slot * step.longest), rows: own),
            ]
            withUnsafeTemporaryAllocation(of: Float.self, capacity: most) { buffer in
                guard let p = buffer.baseAddress else { return }
                for h in 0..<heads {
                    let kv = h * kvHeads / heads * size
                    let out = a.row(r) + h * size
                    var column = 0
                    for part in parts {
                        for i in 0..<part.rows {
                            p[column + i] = scale * Math.dot(q.row(r) + h * size, part.k + i * kvWidth + kv, size)
                        }
                        column += part.rows
                    }
                    Math.softmax(p, count: column)
                    out.update(repeating: 0, count: size)
                    column = 0
                    for part in parts {
                        for i in 0..<part.rows { Math.axpy(p[column + i], part.v + i * kvWidth + kv, out, size) }
                        column += part.rows
                    }
                }
            }
        }
    }

    /// Gradients in q, k and v from that in a. dk and dv start at zero; dq is overwritten.
    func backward(
        _ da: Tensor, q: Tensor, k: Tensor, v: Tensor, p: Tensor, dq: Tensor, dk: Tensor, dv: Tensor, _ batch: Batch,
        scratch: Tensor
    ) {
        // One task for each head of keys: its query heads add to the same dk and dv, always in the same order.
        ThreadPool.shared.run(batch.examples.count * kvHeads) { task in
            let (example, g) = (batch.examples[task / kvHeads], task % kvHeads)
            let group = heads / kvHeads
            for h in g * group..<(g + 1) * group {
                for s in example.segments {
                    segment(
                        s, h: h, kv: g * size, da, q: q, k: k, v: v, p: p.data + h * batch.probabilities, dq: dq,
                        dk: dk, dv: dv, dp: scratch.data + h * batch.probabilities + s.probability)
                }
            }
        }
    }

    private func segment(
        _ s: Batch.Segment, h: Int, kv: Int, _ da: Tensor, q: Tensor, k: Tensor, v: Tensor,
        p: UnsafeMutablePointer<Float>, dq: Tensor, dk: Tensor, dv: Tensor, dp: UnsafeMutablePointer<Float>
    ) {
        let at = h * size
        let seen = s.promptRows + s.rows
        let p = p + s.probability
        let d = da.row(s.start) + at
        let query = q.row(s.start) + at
        let dQuery = dq.row(s.start) + at
        // The rows that are seen: the prompt's, then the segment's own.
        let parts = [
            (first: s.promptStart, rows: s.promptRows, column: 0), (first: s.start, rows: s.rows, column: s.promptRows),
        ]
        for part in parts where part.rows > 0 {
            Math.sgemm(
                m: s.rows, n: part.rows, k: size, a: d, lda: width, b: v.row(part.first) + kv, ldb: kvWidth,
                transB: true, c: dp + part.column, ldc: seen)
            Math.sgemm(
                m: part.rows, n: size, k: s.rows, a: p + part.column, lda: seen, transA: true, b: d, ldb: width,
                c: dv.row(part.first) + kv, ldc: kvWidth, beta: 1)
        }
        for r in 0..<s.rows { Math.softmaxBackward(p + r * seen, dp + r * seen, count: seen) }
        var isFirst = true
        for part in parts where part.rows > 0 {
            Math.sgemm(
                m: s.rows, n: size, k: part.rows, a: dp + part.column, lda: seen, b: k.row(part.first) + kv,
                ldb: kvWidth, c: dQuery, ldc: width, alpha: scale, beta: isFirst ? 0 : 1)
            Math.sgemm(
                m: part.rows, n: size, k: s.rows, a: dp + part.column, lda: seen, transA: true, b: query, ldb: width,
                c: dk.row(part.first) + kv, ldc: kvWidth, alpha: scale, beta: 1)
            isFirst = false
        }
    }
}
