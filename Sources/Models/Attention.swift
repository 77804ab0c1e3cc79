import Tensors

/// Softmax attention of one head over rows of keys and values that lie in larger tensors.
struct AttentionHead {
    /// Width of the head, d.
    let size: Int
    /// First element of this head in row 0, and the distance to row 1.
    let keys: UnsafePointer<Float>
    let keyStride: Int
    let values: UnsafePointer<Float>
    let valueStride: Int

    /// Queries that share one product: enough for BLAS, few enough for scratch.
    static let block = 64

    /// Scratch for `heads` heads that work at the same time over at most `keys` keys: [heads, block, keys].
    static func scratch(heads: Int, keys: Int) -> Tensor { Tensor(heads, block, keys) }

    /// out[r] (+)= factor · softmax(q[r] · keysᵀ / √d) · values for r < rows.
    ///
    /// Row r sees the first `seen` + r keys if `causal`, else the first `seen`. With `adding` the result is added to
    /// what `out` holds. `scores` is scratch of [block, all keys seen].
    func attend(
        _ q: UnsafePointer<Float>, stride: Int, rows: Int, seen: Int, causal: Bool, factor: Float = 1,
        adding: Bool = false, scores: UnsafeMutablePointer<Float>, into out: UnsafeMutablePointer<Float>, outStride: Int
    ) {
        let scale = 1 / Float(size).squareRoot()
        if rows == 1 {
            Math.scores(q, keys, stride: keyStride, count: seen, size, scale: scale, into: scores)
            Math.softmax(scores, count: seen)
            if factor != 1 { for i in 0..<seen { scores[i] *= factor } }
            if !adding { out.update(repeating: 0, count: size) }
            Math.weightedSum(scores, values, stride: valueStride, count: seen, size, addingInto: out)
            return
        }
        for start in Swift.stride(from: 0, to: rows, by: Self.block) {
            let n = min(Self.block, rows - start)
            let most = causal ? seen + start + n - 1 : seen
            Math.sgemm(
                m: n, n: most, k: size, a: q + start * stride, lda: stride, b: keys, ldb: keyStride, transB: true,
                c: scores, ldc: most, alpha: scale)
            for r in 0..<n {
                let visible = causal ? seen + start + r : seen
                let row = scores + r * most
                Math.softmax(row, count: visible)
                (row + visible).update(repeating: 0, count: most - visible)
            }
            Math.sgemm(
                m: n, n: size, k: most, a: scores, lda: most, b: values, ldb: valueStride,
                c: out + start * outStride, ldc: outStride, alpha: factor, beta: adding ? 1 : 0)
        }
    }
}
