import CKernels

/// What a product leaves for the next one: panels of rows, column by column, in float32 (see `lk_gemm.product_packed`).
struct PackedResult: ~Copyable {
    let rows: Int
    let columns: Int
    /// Nil once it has been handed on.
    private var memory: Tensor?
    private let data: UnsafeMutablePointer<Float>

    /// Room for a result.
    init(rows: Int, columns: Int) {
        (self.rows, self.columns) = (rows, columns)
        let lanes = Kernels.table.pointee.gemm.lanes
        let memory = Scratch.borrow(floats: (rows + lanes - 1) / lanes * lanes * columns)
        (self.memory, data) = (memory, memory.data)
    }

    deinit { memory.map(Scratch.giveBack) }

    /// Where the panel lies that begins with a row.
    func place(ofRow first: Int) -> UnsafeMutablePointer<Float> { data + first * columns }

    /// Rows that the panel which begins with row `first` has room for.
    func width(ofPanelAt first: Int) -> Int {
        let gemm = Kernels.table.pointee.gemm
        return (min(gemm.panel, rows - first) + gemm.lanes - 1) / gemm.lanes * gemm.lanes
    }

    /// silu(gate) ⊙ value, where the first half of the columns is gate and the second value.
    func gated(_ pool: ThreadPool) -> PackedResult {
        precondition(columns % 2 == 0, "gates and values in \(columns) columns")
        let table = Kernels.table
        let half = PackedResult(rows: rows, columns: columns / 2)
        pool.run((rows + PackedRows.panel - 1) / PackedRows.panel) {
            let first = $0 * PackedRows.panel
            let count = half.columns * width(ofPanelAt: first)
            let gate = place(ofRow: first)
            table.pointee.silu_multiply(gate, gate + count, half.place(ofRow: first), count)
        }
        return half
    }

    /// As rows for the next product.
    consuming func packed(_ pool: ThreadPool) -> PackedRows {
        let gemm = Kernels.table.pointee.gemm
        guard let memory else { preconditionFailure("a result is handed on once") }
        guard let pack = gemm.pack_result else {
            self.memory = nil
            return PackedRows(rows: rows, columns: columns, memory)
        }
        let packed = Scratch.borrow(floats: (gemm.bytes(rows, columns) + 3) / 4)
        PackedRows.forEachPanel(of: gemm.panel, rows: rows, columns: columns, pool) {
            pack(memory.data, columns, $0, packed.data)
        }
        return PackedRows(rows: rows, columns: columns, packed)
    }
}
