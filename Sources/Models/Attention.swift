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

    /// Queries that share one product, at most: where each sees all keys, and where they see ever more of them, so that
    /// large blocks would compute much that is not seen.
    private static let (wideBlock, causalBlock) = (192, 64)

    /// The most queries of one product.
    static let block = wideBlock

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
        let most = causal ? Self.causalBlock : Self.wideBlock
        // As many blocks as are needed, and none of them much smaller than the others.
        let blocks = (rows + most - 1) / most
        let step = min(most, ((rows + blocks - 1) / blocks + 15) / 16 * 16)
        for start in Swift.stride(from: 0, to: rows, by: step) {
            let n = min(step, rows - start)
            let reach = causal ? seen + start + n - 1 : seen
            PackedRows(q + start * stride, stride: stride, rows: n, columns: size).multiply(
                keys, rowStep: keyStride, weights: reach, scale: scale, into: scores, outStride: reach)
            for r in 0..<n {
                let visible = causal ? seen + start + r : seen
                let row = scores + r * reach
                Math.softmax(row, count: visible)
                (row + visible).update(repeating: 0, count: reach - visible)
            }
            PackedRows(scores, stride: reach, rows: n, columns: reach).multiply(
                values, rowStep: 1, columnStep: valueStride, weights: size, scale: factor, adding: adding,
                into: out + start * outStride, outStride: outStride)
        }
    }
}
