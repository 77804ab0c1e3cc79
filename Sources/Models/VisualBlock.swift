import Tensors

/// A transformer block that reads all tokens at once, norms first; vision transformers and the adapter's visual
/// blocks (timm's `Block`) are rows of these.
///
///   x += scale1 ⊙ proj(attention(qkv(norm1(x)))),  x += scale2 ⊙ fc2(activation(fc1(norm2(x))))
struct VisualBlock: Sendable {
    enum Activation: Sendable {
        case gelu, quickGelu
        /// silu(gate) ⊙ value (arXiv 2002.05202), both computed by fc1, [2 F, D].
        case swiGLU
    }

    let heads: Int
    let eps: Float
    var activation = Activation.gelu
    let norm1: LayerNorm
    let qkv: Linear  // [3 D, D]: queries, keys, values
    let proj: Linear  // [D, D]
    var scale1: Tensor?  // [D]
    let norm2: LayerNorm
    let fc1: Linear  // [F, D]
    let fc2: Linear  // [D, F]
    var scale2: Tensor?  // [D]

    /// Room for pictures of `tokens` tokens each, and blocks of one size.
    struct Scratch {
        let pictures: Int
        let n: Tensor  // [B N, D]    normalised, and results of a sublayer
        let qkv: Tensor  // [B N, 3 D]
        let a: Tensor  // [B N, D]    attention's result
        let f: Tensor  // [B N, F]
        let scores: Tensor  // [B, H, block, N]
        let gated: Tensor?  // [B N, F]    of gated layers, where `f` is [B N, 2 F]

        init(pictures: Int = 1, tokens N: Int, width: Int, hidden: Int, heads: Int, isGated: Bool = false) {
            self.pictures = pictures
            let tokens = pictures * N
            n = Tensor(tokens, width)
            qkv = Tensor(tokens, 3 * width)
            a = Tensor(tokens, width)
            f = Tensor(tokens, isGated ? 2 * hidden : hidden)
            gated = isGated ? Tensor(tokens, hidden) : nil
            scores = AttentionHead.scratch(heads: pictures * heads, keys: N)
        }
    }

    /// Replaces x [B N, D] by the block's result; the tokens of a picture see those of no other, and are packed
    /// for the products however few they are, so that they are computed as they are in company.
    func callAsFunction(_ x: Tensor, _ s: Scratch) {
        let (rows, D) = (x.rows, x.columns)
        let N = rows / s.pictures
        norm1(x, rows: rows, eps: eps, into: s.n)
        qkv(s.n, rows: rows, into: s.qkv, packed: true)
        let (d, row) = (D / heads, 3 * D)
        ThreadPool.shared.run(s.pictures * heads) { task in
            let (first, at) = (task / heads * N, task % heads * d)
            let q = s.qkv.row(first) + at
            AttentionHead(size: d, keys: q + D, keyStride: row, values: q + 2 * D, valueStride: row).attend(
                q, stride: row, rows: N, seen: N, causal: false,
                scores: s.scores.data + task * AttentionHead.block * N, into: s.a.row(first) + at, outStride: D)
        }
        proj(s.a, rows: rows, into: s.n, packed: true)
        if let scale1 { Math.multiplyRow(s.n, scale1, rows: rows, into: s.n) }
        Math.add(x, s.n, rows: rows, into: x)

        norm2(x, rows: rows, eps: eps, into: s.n)
        fc1(s.n, rows: rows, into: s.f, packed: true)
        let inner = s.gated ?? s.f
        switch activation {
        case .gelu: Math.geluExact(s.f, rows: rows, into: s.f)
        case .quickGelu: Math.quickGelu(s.f, rows: rows, into: s.f)
        case .swiGLU: Math.siluMultiply(halvesOf: s.f, rows: rows, into: inner)
        }
        fc2(inner, rows: rows, into: s.n, packed: true)
        if let scale2 { Math.multiplyRow(s.n, scale2, rows: rows, into: s.n) }
        Math.add(x, s.n, rows: rows, into: x)
    }
}
