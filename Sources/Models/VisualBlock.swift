import Tensors

/// A transformer block that reads all tokens at once, norms first; vision transformers and the adapter's visual
/// blocks (timm's `Block`) are rows of these.
///
///   x += scale1 ⊙ proj(attention(qkv(norm1(x)))),  x += scale2 ⊙ fc2(activation(fc1(norm2(x))))
struct VisualBlock: Sendable {
    let heads: Int
    let eps: Float
    var activation = PackedRows.Activation.gelu
    let norm1: LayerNorm
    let qkv: Linear  // [3 D, D]: queries, keys, values
    let proj: Linear  // [D, D]
    var scale1: Tensor?  // [D]
    let norm2: LayerNorm
    let fc1: Linear  // [F, D]
    let fc2: Linear  // [D, F]
    var scale2: Tensor?  // [D]

    /// Room for pictures of `tokens` tokens each, and blocks of one width.
    struct Scratch {
        let pictures: Int
        let n: Tensor  // [B N, D]    normalised, and results of a sublayer
        let qkv: Tensor  // [B N, 3 D]
        let a: Tensor  // [B N, D]    attention's result

        init(pictures: Int = 1, tokens N: Int, width: Int) {
            self.pictures = pictures
            n = Tensor(pictures * N, width)
            qkv = Tensor(pictures * N, 3 * width)
            a = Tensor(pictures * N, width)
        }
    }

    /// Queries of one task of the attention.
    private static let queries = 96

    /// Replaces x [B N, D] by the block's result; the tokens of a picture see those of no other, and are packed
    /// for the products however few they are, so that they are computed as they are in company.
    func callAsFunction(_ x: Tensor, _ s: Scratch) {
        let (rows, D) = (x.rows, x.columns)
        norm1(x, rows: rows, eps: eps, into: s.n)
        qkv(s.n, rows: rows, into: s.qkv, packed: true)
        attention(rows: rows, s)
        proj(s.a, rows: rows, into: s.n, packed: true)
        if let scale1 { Math.multiplyRow(s.n, scale1, rows: rows, into: s.n) }
        Math.add(x, s.n, rows: rows, into: x)

        norm2(x, rows: rows, eps: eps, into: s.n)
        precondition(fc1.isPlain && fc2.isPlain, "a feed-forward layer whose inside stays packed has no tuned weights")
        let n = PackedRows(s.n.data, stride: D, rows: rows, columns: D, pool: .shared)
        n.multiplied(by: fc1.weight, bias: fc1.bias, then: activation).multiply(fc2.weight, bias: fc2.bias, into: s.n)
        if let scale2 { Math.multiplyRow(s.n, scale2, rows: rows, into: s.n) }
        Math.add(x, s.n, rows: rows, into: x)
    }

    private func attention(rows: Int, _ s: Scratch) {
        let (N, D) = (rows / s.pictures, s.a.columns)
        let (d, row) = (D / heads, 3 * D)
        let parts = (N + Self.queries - 1) / Self.queries
        ThreadPool.shared.run(s.pictures * heads * parts) { task in
            let (head, part) = task.quotientAndRemainder(dividingBy: parts)
            let (first, at) = (head / heads * N, head % heads * d)
            let start = part * Self.queries
            let keys = s.qkv.row(first) + at + D
            AttentionHead(size: d, keys: keys, keyStride: row, values: keys + D, valueStride: row).attend(
                s.qkv.row(first + start) + at, stride: row, rows: min(Self.queries, N - start), seen: N, causal: false,
                into: s.a.row(first + start) + at, outStride: D)
        }
    }
}
