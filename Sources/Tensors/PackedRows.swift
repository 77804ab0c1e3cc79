import CKernels

/// Rows of x as products of many tokens want them: packed once, and then multiplied by as many weights as there are.
public struct PackedRows: ~Copyable {
    public let rows: Int
    public let columns: Int
    private let memory: Tensor

    /// Rows that lie together: a range of rows to multiply begins at a multiple of it.
    static var panel: Int { Kernels.table.pointee.gemm.panel }

    /// Packs x, whose row t starts at x + t · stride, on the threads of the pool; nil: on the calling thread.
    public init(_ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int, pool: ThreadPool? = nil) {
        let gemm = Kernels.table.pointee.gemm
        let memory = Scratch.borrow(floats: (gemm.bytes(rows, columns) + 3) / 4)
        Self.forEachPanel(of: gemm.panel, rows: rows, columns: columns, pool) {
            gemm.pack(x, stride, rows, columns, $0, memory.data)
        }
        self.init(rows: rows, columns: columns, memory)
    }

    /// Takes over packed rows.
    init(rows: Int, columns: Int, _ memory: Tensor) {
        (self.rows, self.columns, self.memory) = (rows, columns, memory)
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

    /// Where the panel lies that begins with a row.
    private func place(ofRow first: Int) -> UnsafeRawPointer {
        UnsafeRawPointer(memory.data) + Kernels.table.pointee.gemm.bytes(first, columns)
    }

    /// out[t · outStride + r] (+)= scale · Σ over k of w[r · rowStep + k · columnStep] · x[t, k] + bias[r], for r < weights and
    /// all t, or those of `range`, which begins at a multiple of `panel` and ends at one, or with the rows.
    public func multiply(
        _ w: UnsafePointer<Float>, rowStep: Int, columnStep: Int = 1, weights: Int, range: Range<Int>? = nil, scale: Float = 1,
        bias: UnsafePointer<Float>? = nil, adding: Bool = false, into out: UnsafeMutablePointer<Float>, outStride: Int
    ) {
        let range = range ?? 0..<rows
        Kernels.table.pointee.gemm.product(
            w, rowStep, columnStep, weights, columns, place(ofRow: range.lowerBound), range.count, scale, bias,
            out + range.lowerBound * outStride, outStride, adding ? 1 : 0)
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
    /// What is done with a product that stays packed.
    public enum Activation: Sendable {
        /// x/2 (1 + erf(x/√2))
        case gelu
        /// x · sigmoid(1.702 x)
        case quickGelu
        /// silu(gate) ⊙ value (arXiv 2002.05202), where the first half of the product's columns is gate and the second value.
        case swiGLU
    }

    /// y[T, out] = x[T, in] · wᵀ + bias for these rows x; w: [out, in], bias: [out].
    public func multiply(_ w: Matrix, bias: Tensor?, into y: Tensor, pool: ThreadPool = .shared) {
        precondition(
            columns == w.columns && y.columns == w.rows && rows <= y.rows,
            "[\(rows), \(columns)] by [\(w.rows), \(w.columns)] into \(y.shape)")
        precondition(bias == nil || bias?.count == w.rows, "bias of \(w.rows) elements")
        let product = Product(w, bias.map { UnsafePointer($0.data) }, y.data, y.columns)
        withExtendedLifetime((w, bias)) { forEachTask(product, pool) { multiply(product, $0, $1) } }
    }

    /// The rows of activation(x · wᵀ + bias), [T, out], or half as many columns for `swiGLU`: packed for the next product.
    public func multiplied(
        by w: Matrix, bias: Tensor?, then activation: Activation, pool: ThreadPool = .shared
    ) -> PackedRows {
        precondition(columns == w.columns, "[\(rows), \(columns)] by [\(w.rows), \(w.columns)]")
        precondition(bias == nil || bias?.count == w.rows, "bias of \(w.rows) elements")
        let table = Kernels.table
        let apply: lk_map_fn? =
            switch activation {
            case .gelu: table.pointee.gelu
            case .quickGelu: table.pointee.quick_gelu
            case .swiGLU: nil  // its halves are other tasks'
            }
        let result = PackedResult(rows: rows, columns: w.rows)
        let product = Product(w, bias.map { UnsafePointer($0.data) }, result.place(ofRow: 0), w.rows)
        withExtendedLifetime((w, bias)) {
            forEachTask(product, pool) { band, range in
                product.withFloats(band) { weights in
                    table.pointee.gemm.product_packed(
                        weights, columns, band.count, columns, place(ofRow: range.lowerBound), range.count,
                        product.part(band).1, result.place(ofRow: range.lowerBound), w.rows, band.lowerBound)
                }
                guard let apply else { return }
                // At once, while it is in the cache.
                for panel in stride(from: range.lowerBound, to: range.upperBound, by: Self.panel) {
                    let width = result.width(ofPanelAt: panel)
                    let part = result.place(ofRow: panel) + band.lowerBound * width
                    apply(part, part, band.count * width)
                }
            }
        }
        return apply == nil ? result.gated(pool).packed(pool) : result.packed(pool)
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
