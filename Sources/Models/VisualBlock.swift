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

    /// Room for `tokens` tokens of blocks of one size.
    struct Scratch {
        let n: Tensor  // [N, D]    normalised, and results of a sublayer
        let qkv: Tensor  // [N, 3 D]
        let a: Tensor  // [N, D]    attention's result
        let f: Tensor  // [N, F]
        let scores: Tensor  // [H, block, N]
        let gated: Tensor?  // [N, F]    of gated layers, where `f` is [N, 2 F]

        init(tokens: Int, width: Int, hidden: Int, heads: Int, isGated: Bool = false) {
            n = Tensor(tokens, width)
            qkv = Tensor(tokens, 3 * width)
            a = Tensor(tokens, width)
            f = Tensor(tokens, isGated ? 2 * hidden : hidden)
            gated = isGated ? Tensor(tokens, hidden) : nil
            scores = AttentionHead.scratch(heads: heads, keys: tokens)
        }
    }

    /// Replaces x [N, D] by the block's result.
    func callAsFunction(_ x: Tensor, _ s: Scratch) {
        let (N, D) = (x.rows, x.columns)
        norm1(x, rows: N, eps: eps, into: s.n)
        qkv(s.n, rows: N, into: s.qkv)
        let (d, row) = (D / heads, 3 * D)
        ThreadPool.shared.run(heads) { h in
            let q = s.qkv.data + h * d
            AttentionHead(size: d, keys: q + D, keyStride: row, values: q + 2 * D, valueStride: row).attend(
                q, stride: row, rows: N, seen: N, causal: false,
                scores: s.scores.data + h * AttentionHead.block * N, into: s.a.data + h * d, outStride: D)
        }
        proj(s.a, rows: N, into: s.n)
        if let scale1 { Math.multiplyRow(s.n, scale1, rows: N, into: s.n) }
        Math.add(x, s.n, rows: N, into: x)

        norm2(x, rows: N, eps: eps, into: s.n)
        fc1(s.n, rows: N, into: s.f)
        let inner = s.gated ?? s.f
        switch activation {
        case .gelu: Math.geluExact(s.f, rows: N, into: s.f)
        case .quickGelu: Math.quickGelu(s.f, rows: N, into: s.f)
        case .swiGLU: Math.siluMultiply(halvesOf: s.f, rows: N, into: inner)
        }
        fc2(inner, rows: N, into: s.n)
        if let scale2 { Math.multiplyRow(s.n, scale2, rows: N, into: s.n) }
        Math.add(x, s.n, rows: N, into: x)
    }
}
