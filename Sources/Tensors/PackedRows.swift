import CKernels

/// Rows of x as products of many tokens want them: packed once, and then multiplied by as many weights as there are.
public struct PackedRows: ~Copyable {
    public let rows: Int
    public let columns: Int
    private let memory: Tensor

    /// Rows that lie together: a range of rows to multiply begins at a multiple of it.
    static var panel: Int { Kernels.table.pointee.gemm.panel }

    /// Room for rows that a product writes.
    public init(rows: Int, columns: Int) {
        (self.rows, self.columns) = (rows, columns)
        memory = Scratch.borrow(floats: Kernels.table.pointee.gemm.bytes(rows, columns) / 4)
    }

    /// Packs x, whose row t starts at x + t · stride, on the threads of the pool; nil: on the calling thread.
    public init(_ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int, pool: ThreadPool? = nil) {
        self.init(rows: rows, columns: columns)
        let gemm = Kernels.table.pointee.gemm
        let data = memory.data
        Self.forEachPanel(of: gemm.panel, rows: rows, columns: columns, pool) { gemm.pack(x, stride, rows, columns, $0, data) }
    }

    /// Calls `pack` with the number of each panel of `panel` rows.
    static func forEachPanel(of panel: Int, rows: Int, columns: Int, _ pool: ThreadPool?, _ pack: (Int) -> Void) {
        let panels = (rows + panel - 1) / panel
        // Below this a wake-up costs more than the work.
        if let pool, rows * columns > 1 << 14 {
            pool.run(panels, pack)
        } else {
            for panel in 0..<panels { pack(panel) }
        }
    }

    deinit { Scratch.giveBack(memory) }

    /// out[t · outStride + r] (+)= scale · Σ over k of w[r · rowStep + k · columnStep] · x[t, k] + bias[r], for r < weights and
    /// all t, or those of `range`, which begins at a multiple of `panel` and ends at one, or with the rows.
    public func multiply(
        _ w: UnsafePointer<Float>, rowStep: Int, columnStep: Int = 1, weights: Int, range: Range<Int>? = nil, scale: Float = 1,
        bias: UnsafePointer<Float>? = nil, adding: Bool = false, into out: UnsafeMutablePointer<Float>, outStride: Int
    ) {
        let first = range?.lowerBound ?? 0
        Kernels.table.pointee.gemm.product(
            w, rowStep, columnStep, weights, columns, memory.data + first * columns, (range?.upperBound ?? rows) - first, scale,
            bias, out + first * outStride, outStride, adding ? 1 : 0)
    }

    /// One task of a product: the results of a band of weights for a range of rows, which begins as `multiply` says.
    func multiply(_ product: Product, _ band: Range<Int>, _ range: Range<Int>) {
        product.withFloats(band) { w in
            let (_, bias, y) = product.part(band)
            multiply(
                w, rowStep: columns, weights: band.count, range: range, bias: bias, into: y, outStride: product.stride)
        }
    }
}

extension PackedRows {
    /// What is done to each element of a product that stays packed.
    public enum Activation: Sendable {
        /// x/2 (1 + erf(x/√2))
        case gelu
        /// x · sigmoid(1.702 x)
        case quickGelu
    }

    /// y[T, out] = x[T, in] · wᵀ + bias for these rows x; w: [out, in], bias: [out].
    public func multiply(_ w: Matrix, bias: Tensor?, into y: Tensor, pool: ThreadPool = .shared) {
        precondition(
            columns == w.columns && y.columns == w.rows && rows <= y.rows,
            "[\(rows), \(columns)] by [\(w.rows), \(w.columns)] into \(y.shape)")
        precondition(bias == nil || bias?.count == w.rows, "bias of \(w.rows) elements")
        let product = Product(w, bias.map { UnsafePointer($0.data) }, y.data, y.columns)
        forEachTask(product, pool) { multiply(product, $0, $1) }
    }

    /// The same, packed for the next product; y: [T, out].
    public func multiply(
        _ w: Matrix, bias: Tensor?, then activation: Activation? = nil, into y: borrowing PackedRows,
        pool: ThreadPool = .shared
    ) {
        precondition(
            columns == w.columns && y.columns == w.rows && rows == y.rows,
            "[\(rows), \(columns)] by [\(w.rows), \(w.columns)] into [\(y.rows), \(y.columns)]")
        precondition(bias == nil || bias?.count == w.rows, "bias of \(w.rows) elements")
        let table = Kernels.table
        let (x, out, outColumns) = (memory.data, y.memory.data, y.columns)
        let product = Product(w, bias.map { UnsafePointer($0.data) }, out, outColumns)
        forEachTask(product, pool) { band, range in
            product.withFloats(band) { weights in
                table.pointee.gemm.product_packed(
                    weights, columns, band.count, columns, x + range.lowerBound * columns, range.count,
                    product.part(band).1, out + range.lowerBound * outColumns, outColumns, band.lowerBound)
            }
            guard let activation else { return }
            // At once, while it is in the cache.
            for panel in stride(from: range.lowerBound, to: range.upperBound, by: Self.panel) {
                let width = y.width(ofPanel: panel)
                let part = out + panel * outColumns + band.lowerBound * width
                switch activation {
                case .gelu: table.pointee.gelu(part, part, band.count * width)
                case .quickGelu: table.pointee.quick_gelu(part, part, band.count * width)
                }
            }
        }
    }

    /// y = silu(gate) ⊙ value, where the first half of these columns is gate and the second value; y: [T, half as many].
    public func siluMultiplyHalves(into y: borrowing PackedRows, pool: ThreadPool = .shared) {
        precondition(columns == 2 * y.columns && rows == y.rows, "[\(rows), \(columns)] into [\(y.rows), \(y.columns)]")
        let (x, out, half) = (memory.data, y.memory.data, y.columns)
        pool.run((rows + Self.panel - 1) / Self.panel) { number in
            let panel = number * Self.panel
            let (gate, count) = (x + panel * 2 * half, half * width(ofPanel: panel))
            Kernels.table.pointee.silu_multiply(gate, gate + count, out + panel * half, count)
        }
    }

    /// Rows that the panel which begins with row `first` has room for.
    private func width(ofPanel first: Int) -> Int {
        Kernels.table.pointee.gemm.bytes(min(Self.panel, rows - first), 1) / 4
    }

    private func forEachTask(_ product: Product, _ pool: ThreadPool, _ body: (Range<Int>, Range<Int>) -> Void) {
        // Below this a wake-up costs more than the work.
        let threads = rows * columns * product.rows < 1 << 16 ? 1 : pool.threads
        let grid = TaskGrid.packed(
            rows: rows, by: product.rows, columns: columns, isFloat: product.isFloat, threads: threads)
        pool.run(grid.tasks) {
            let (weights, rows) = grid.task($0)
            body(weights, rows)
        }
    }
}
