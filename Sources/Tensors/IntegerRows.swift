import CKernels

/// Rows of x as products with quantised weights want them (see `lk_integer`): packed once, and then multiplied by as many
/// weights as there are.
struct IntegerRows: ~Copyable {
    private let rows: Int
    private let columns: Int
    private let memory: Tensor

    /// Packs x, whose row t starts at x + t · stride, on the threads of the pool; nil: on the calling thread.
    /// - Precondition: the table in use has such products, and the columns are those of a quantised weight.
    init(_ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int, pool: ThreadPool?) {
        let integer = Kernels.table.pointee.integer
        guard let bytes = integer.bytes, let pack = integer.pack else { preconditionFailure("a table without integer products") }
        (self.rows, self.columns) = (rows, columns)
        memory = Scratch.borrow(floats: (bytes(rows, columns) + 3) / 4)
        let data = memory.data
        PackedRows.forEachPanel(of: integer.panel, rows: rows, columns: columns, pool) {
            pack(x, stride, rows, columns, $0, data)
        }
    }

    deinit { Scratch.giveBack(memory) }

    /// One task of a product: the results of a band of weights.
    func multiply(_ product: Product, _ band: Range<Int>, by multiply: lk_integer_fn) {
        let (weights, bias, y) = product.part(band)
        multiply(weights, product.rowBytes, band.count, columns, memory.data, rows, bias, y, product.stride)
    }
}
