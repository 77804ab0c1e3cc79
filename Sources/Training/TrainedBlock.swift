import Tensors

/// A block of the visual projection with trained weights (timm's `Block`; Models/VisualBlock.swift has the maths),
/// forward and backward. S examples of M tokens, width E, feed-forward width F, H heads.
///
/// Of each example only the first `wanted` tokens R need to come out: the last block computes nothing else.
final class TrainedBlock {
    let norm1, qkv, proj, norm2, fc1, fc2: WeightAndBias
    let heads: Int

    struct Saved {
        let examples: Int
        let tokens: Int
        let wanted: Int
        let x: Tensor  // [S M, E]
        let n: Tensor  // [S M, E]   norm1(x)
        let nq: Tensor  // [S R, E]   its first rows
        let q: Tensor  // [S R, E]
        let kv: Tensor  // [S M, 2 E]
        let p: Tensor  // [S H, R M]
        let a: Tensor  // [S R, E]
        let middle: Tensor  // [S R, E]
        let m: Tensor  // [S R, E]   norm2(middle)
        let f: Tensor  // [S R, F]   before gelu
        let g: Tensor  // [S R, F]
    }

    init(
        norm1: WeightAndBias, qkv: WeightAndBias, proj: WeightAndBias, norm2: WeightAndBias, fc1: WeightAndBias,
        fc2: WeightAndBias, heads: Int
    ) {
        (self.norm1, self.qkv, self.proj) = (norm1, qkv, proj)
        (self.norm2, self.fc1, self.fc2, self.heads) = (norm2, fc1, fc2, heads)
    }

    var parameters: [Parameter] { [norm1, qkv, proj, norm2, fc1, fc2].flatMap(\.parameters) }
    private var width: Int { norm1.weight.value.count }
    private var hidden: Int { fc1.weight.value.rows }

    /// The first `wanted` tokens of each example after the block, [S R, E].
    func forward(_ x: Tensor, examples S: Int, tokens M: Int, wanted R: Int, _ space: Workspace) -> (Tensor, Saved) {
        let (E, F) = (width, hidden)
        let n = space.tensor(S * M, E)
        norm1.norm(x, rows: S * M, eps: VisualProjection.eps, into: n)
        let nq = Self.firstRows(n, examples: S, tokens: M, wanted: R, space)
        let (q, kv) = (space.tensor(S * R, E), space.tensor(S * M, 2 * E))
        let (w, b) = (qkv.weight.value, qkv.bias.value)
        Dense.forward(nq.data, rows: S * R, inputs: E, w.data, outputs: E, bias: b.data, into: q.data)
        Dense.forward(n.data, rows: S * M, inputs: E, w.row(E), outputs: 2 * E, bias: b.data + E, into: kv.data)
        let (p, a) = (space.tensor(S * heads, R * M), space.tensor(S * R, E))
        let size = E / heads
        ThreadPool.shared.run(S * heads) { task in
            let (s, h) = (task / heads, task % heads)
            let p = p.row(task)
            let keys = kv.row(s * M) + h * size
            Math.sgemm(
                m: R, n: M, k: size, a: q.row(s * R) + h * size, lda: E, b: keys, ldb: 2 * E, transB: true, c: p,
                ldc: M, alpha: 1 / Float(size).squareRoot())
            for r in 0..<R { Math.softmax(p + r * M, count: M) }
            Math.sgemm(m: R, n: size, k: M, a: p, lda: M, b: keys + E, ldb: 2 * E, c: a.row(s * R) + h * size, ldc: E)
        }
        let middle = space.tensor(S * R, E)
        proj.forward(a, rows: S * R, into: middle)
        for s in 0..<S { Math.axpy(1, x.row(s * M), middle.row(s * R), R * E) }
        let m = space.tensor(S * R, E)
        norm2.norm(middle, rows: S * R, eps: VisualProjection.eps, into: m)
        let (f, g) = (space.tensor(S * R, F), space.tensor(S * R, F))
        fc1.forward(m, rows: S * R, into: f)
        Math.geluExact(f, rows: S * R, into: g)
        let out = space.tensor(S * R, E)
        fc2.forward(g, rows: S * R, into: out)
        Math.add(out, middle, rows: S * R, into: out)
        return (
            out,
            Saved(
                examples: S, tokens: M, wanted: R, x: x, n: n, nq: nq, q: q, kv: kv, p: p, a: a, middle: middle, m: m,
                f: f, g: g)
        )
    }

    /// The gradient in x [S M, E], given that in what came out, `d` [S R, E]. Adds to its parameters' gradients.
    func backward(_ d: Tensor, _ s: Saved, _ space: Workspace) -> Tensor {
        let (S, M, R, E, F) = (s.examples, s.tokens, s.wanted, width, hidden)
        let df = space.tensor(S * R, F)
        fc2.backward(d, rows: S * R, x: s.g, into: df)
        Math.geluExactBackward(s.f, rows: S * R, df, into: df)
        let dm = space.tensor(S * R, E)
        fc1.backward(df, rows: S * R, x: s.m, into: dm)
        let dMiddle = space.tensor(S * R, E)
        dMiddle.data.update(from: d.data, count: S * R * E)
        norm2.normBackward(s.middle, rows: S * R, eps: VisualProjection.eps, dm, addingInto: dMiddle)

        let da = space.tensor(S * R, E)
        proj.backward(dMiddle, rows: S * R, x: s.a, into: da)
        let (dq, dkv) = (space.tensor(S * R, E), space.tensor(S * M, 2 * E))
        attentionBackward(da, s, dq: dq, dkv: dkv, scratch: space.tensor(S * heads, R * M))
        let dx = Self.spread(dMiddle, examples: S, tokens: M, wanted: R, space)
        let dn = space.tensor(S * M, E)
        let w = qkv.weight.value
        Dense.input(dkv.data, rows: S * M, outputs: 2 * E, w.row(E), inputs: E, into: dn.data, adding: false)
        Dense.input(dq.data, rows: S * R, outputs: E, w.data, inputs: E, into: dm.data, adding: false)
        for e in 0..<S { Math.axpy(1, dm.row(e * R), dn.row(e * M), R * E) }
        if let sink = qkv.weight.sink {
            Dense.weight(dq.data, rows: S * R, outputs: E, s.nq.data, inputs: E, into: sink.data)
            Dense.weight(dkv.data, rows: S * M, outputs: 2 * E, s.n.data, inputs: E, into: sink.row(E))
        }
        if let sink = qkv.bias.sink {
            Dense.bias(dq.data, rows: S * R, outputs: E, into: sink.data)
            Dense.bias(dkv.data, rows: S * M, outputs: 2 * E, into: sink.data + E)
        }
        norm1.normBackward(s.x, rows: S * M, eps: VisualProjection.eps, dn, addingInto: dx)
        return dx
    }

    private func attentionBackward(_ da: Tensor, _ s: Saved, dq: Tensor, dkv: Tensor, scratch: Tensor) {
        let (M, R, E) = (s.tokens, s.wanted, width)
        let size = E / heads
        let scale = 1 / Float(size).squareRoot()
        ThreadPool.shared.run(s.examples * heads) { task in
            let (e, h) = (task / heads, task % heads)
            let p = s.p.row(task)
            let dp = scratch.row(task)
            let keys = s.kv.row(e * M) + h * size
            let dKeys = dkv.row(e * M) + h * size
            let d = da.row(e * R) + h * size
            Math.sgemm(m: R, n: M, k: size, a: d, lda: E, b: keys + E, ldb: 2 * E, transB: true, c: dp, ldc: M)
            Math.sgemm(m: M, n: size, k: R, a: p, lda: M, transA: true, b: d, ldb: E, c: dKeys + E, ldc: 2 * E)
            for r in 0..<R { Math.softmaxBackward(p + r * M, dp + r * M, count: M) }
            Math.sgemm(
                m: R, n: size, k: M, a: dp, lda: M, b: keys, ldb: 2 * E, c: dq.row(e * R) + h * size, ldc: E,
                alpha: scale)
            Math.sgemm(
                m: M, n: size, k: R, a: dp, lda: M, transA: true, b: s.q.row(e * R) + h * size, ldb: E, c: dKeys,
                ldc: 2 * E, alpha: scale)
        }
    }

    /// The first `wanted` of each example's `tokens` rows, close together.
    static func firstRows(_ x: Tensor, examples: Int, tokens: Int, wanted: Int, _ space: Workspace) -> Tensor {
        if wanted == tokens { return x }
        let part = space.tensor(examples * wanted, x.columns)
        for e in 0..<examples { part.row(e * wanted).update(from: x.row(e * tokens), count: wanted * x.columns) }
        return part
    }

    /// The opposite: rows back at their places, zeros at all others.
    static func spread(_ x: Tensor, examples: Int, tokens: Int, wanted: Int, _ space: Workspace) -> Tensor {
        if wanted == tokens { return x }
        let whole = space.zeros(examples * tokens, x.columns)
        for e in 0..<examples { whole.row(e * tokens).update(from: x.row(e * wanted), count: wanted * x.columns) }
        return whole
    }
}
