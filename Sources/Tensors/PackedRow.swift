import CKernels

/// One row of x as products with quantised weights want it (see `lk_single`): packed once for all weights.
struct PackedRow: ~Copyable {
    private let columns: Int
    private let memory: Tensor

    /// - Precondition: the table in use has such products, and the columns are those of a quantised weight.
    init(_ x: UnsafePointer<Float>, columns: Int) {
        let single = Kernels.table.pointee.single
        guard let bytes = single.bytes, let pack = single.pack else { preconditionFailure("a table without single rows") }
        self.columns = columns
        memory = Scratch.borrow(floats: (bytes(columns) + 3) / 4)
        pack(x, columns, memory.data)
    }

    deinit { Scratch.giveBack(memory) }

    /// out[r] = w[r] · x + bias[r] for `rows` rows of weights, by the product of their type.
    func multiply(
        _ weights: UnsafeRawPointer, _ rowBytes: Int, _ rows: Int, by product: lk_single_fn,
        bias: UnsafePointer<Float>?, into out: UnsafeMutablePointer<Float>
    ) {
        product(weights, rowBytes, rows, columns, memory.data, bias, out)
    }
}
