import CKernels

extension Math {
    /// out[t] (+)= factor · softmax(q[t] · keysᵀ / √size) · values of one head, for t < rows.
    ///
    /// Row t of q starts at q + t · stride, and so on. Row t sees the first `seen` keys, at least one, and, if `causal`, t more.
    /// With `adding` the result is added to what `out` holds. A row's result does not depend on the others.
    public static func attend(
        _ q: UnsafePointer<Float>, stride: Int, rows: Int, size: Int, keys: UnsafePointer<Float>, keyStride: Int,
        values: UnsafePointer<Float>, valueStride: Int, seen: Int, causal: Bool, factor: Float, adding: Bool,
        into out: UnsafeMutablePointer<Float>, outStride: Int
    ) {
        precondition(seen > 0, "attention over no keys")
        let table = Kernels.table
        let scratch = Scratch.borrow(floats: table.pointee.attend_floats(size, seen + (causal ? rows : 0)))
        defer { Scratch.giveBack(scratch) }
        var attention = lk_attention(
            keys: keys, key_stride: keyStride, values: values, value_stride: valueStride, size: size, seen: seen,
            causal: causal ? 1 : 0, scale: 1 / Float(size).squareRoot(), factor: factor, adding: adding ? 1 : 0)
        table.pointee.attend(&attention, q, stride, rows, scratch.data, out, outStride)
    }
}
