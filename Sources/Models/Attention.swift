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

    /// out[r] (+)= factor · softmax(q[r] · keysᵀ / √d) · values for r < rows.
    ///
    /// Row r sees the first `seen` + r keys if `causal`, else the first `seen`. With `adding` the result is added to
    /// what `out` holds.
    func attend(
        _ q: UnsafePointer<Float>, stride: Int, rows: Int, seen: Int, causal: Bool, factor: Float = 1,
        adding: Bool = false, into out: UnsafeMutablePointer<Float>, outStride: Int
    ) {
        Math.attend(
            q, stride: stride, rows: rows, size: size, keys: keys, keyStride: keyStride, values: values,
            valueStride: valueStride, seen: seen, causal: causal, factor: factor, adding: adding, into: out,
            outStride: outStride)
    }

    /// The same for one row, in fewer steps. `scores` is scratch of [seen].
    func attend(
        _ q: UnsafePointer<Float>, seen: Int, factor: Float = 1, adding: Bool = false,
        scores: UnsafeMutablePointer<Float>, into out: UnsafeMutablePointer<Float>
    ) {
        let scale = 1 / Float(size).squareRoot()
        Math.scores(q, keys, stride: keyStride, count: seen, size, scale: scale, into: scores)
        Math.softmax(scores, count: seen)
        if factor != 1 { for i in 0..<seen { scores[i] *= factor } }
        if !adding { out.update(repeating: 0, count: size) }
        Math.weightedSum(scores, values, stride: valueStride, count: seen, size, addingInto: out)
    }
}
