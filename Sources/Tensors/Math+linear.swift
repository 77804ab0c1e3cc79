import CKernels

extension Math {
    /// y[T, out] = x[T, in] · wᵀ + bias; w: [out, in], bias: [out]. T is `rows`, or all rows of x.
    ///
    /// Sums are float32, or as good, whatever the weight's type, and x is not rounded to less. A row's result does not depend
    /// on the rows beside it but in its last bits, where ways to compute differ: fewer than `manyRows`, or more, and not even
    /// there if the table has integer products with weights of this type; with `packed` always as for more, in float32. y must
    /// not share memory with x.
    public static func linear(
        _ x: Tensor, rows: Int? = nil, _ w: Matrix, bias: Tensor? = nil, into y: Tensor, packed: Bool = false,
        pool: ThreadPool = .shared
    ) {
        linears(x, rows: rows, [(w: w, bias: bias, y: y)], packed: packed, pool: pool)
    }

    /// Several products over the same x in one sweep of the pool (q, k, v; gate and up).
    public static func linears(
        _ x: Tensor, rows: Int? = nil, _ products: [(w: Matrix, bias: Tensor?, y: Tensor)], packed: Bool = false,
        pool: ThreadPool = .shared
    ) {
        let rows = rows ?? x.rows
        precondition(rows >= 0 && rows <= x.rows, "\(rows) rows of \(x.shape)")
        let sweep = Sweep(
            x: x.data, stride: x.columns, rows: rows, isPacked: packed,
            products: products.map { w, bias, y in
                precondition(
                    x.columns == w.columns && y.columns == w.rows && rows <= y.rows,
                    "\(rows) rows of \(x.shape) by [\(w.rows), \(w.columns)] into \(y.shape)")
                precondition(bias == nil || bias?.count == w.rows, "bias of \(w.rows) elements")
                return Product(w, bias.map { UnsafePointer($0.data) }, y.data, y.columns)
            })
        withExtendedLifetime(products) { sweep.run(pool) }
    }

    /// The same over raw memory: row t of x starts at x + t · xStride, row t of y at y + t · yStride.
    public static func linear(
        _ x: UnsafePointer<Float>, stride xStride: Int, rows: Int, _ w: Matrix, bias: UnsafePointer<Float>? = nil,
        into y: UnsafeMutablePointer<Float>, stride yStride: Int, packed: Bool = false, pool: ThreadPool = .shared
    ) {
        withExtendedLifetime(w) {
            Sweep(x: x, stride: xStride, rows: rows, isPacked: packed, products: [Product(w, bias, y, yStride)]).run(pool)
        }
    }

    /// From this many rows of x on, they are packed and the weights widened; below, each weight is widened in registers
    /// as it is used. Where there are integer products, weights are used as they are.
    public static let manyRows = 24
}

/// One product of a sweep: y[t, r] = x[t] · w[r] + bias[r]. Whoever makes it keeps the memory alive: threads that counted
/// references to the same weights would wait for one another.
struct Product {
    let type: ElementType
    let rows: Int
    let columns: Int
    let weights: UnsafeRawPointer
    let rowBytes: Int
    let bias: UnsafePointer<Float>?
    let y: UnsafeMutablePointer<Float>
    let stride: Int

    init(_ w: Matrix, _ bias: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>, _ stride: Int) {
        (type, rows, columns, weights, rowBytes) = (w.type, w.rows, w.columns, w.bytes.base, w.rowBytes)
        (self.bias, self.y, self.stride) = (bias, y, stride)
    }

    /// Whether weights can be used where they are.
    var isFloat: Bool { type == .f32 && UInt(bitPattern: weights) % 4 == 0 }

    /// Calls `body` with the weights of a band, widened where they are stored otherwise.
    func withFloats(_ band: Range<Int>, _ body: (UnsafePointer<Float>) -> Void) {
        let stored = weights + band.lowerBound * rowBytes
        if isFloat { return body(stored.assumingMemoryBound(to: Float.self)) }
        let scratch = Scratch.borrow(floats: band.count * columns)
        defer { Scratch.giveBack(scratch) }
        Kernels.widen(type)(stored, scratch.data, band.count * columns)
        body(scratch.data)
    }

    /// The first weight of a band, and the place of its bias and result.
    func part(_ band: Range<Int>) -> (UnsafeRawPointer, UnsafePointer<Float>?, UnsafeMutablePointer<Float>) {
        (weights + band.lowerBound * rowBytes, bias.map { $0 + band.lowerBound }, y + band.lowerBound)
    }
}

/// Products over the same rows of x.
private struct Sweep {
    let x: UnsafePointer<Float>
    let stride: Int
    let rows: Int
    /// Packed, be they ever so few.
    let isPacked: Bool
    let products: [Product]

    /// The integer product with these weights, if it is to be taken.
    private func integer(_ product: Product) -> lk_integer_fn? { isPacked ? nil : Kernels.integer(product.type) }

    private func isFused(_ product: Product) -> Bool {
        !isPacked && rows < Math.manyRows && Kernels.product(product.type) != nil
    }

    /// Bands of all products, one task each.
    func run(_ pool: ThreadPool) {
        guard rows > 0, let columns = products.first?.columns else { return }
        let works = products.reduce(0) { $0 + $1.rows * columns * rows }
        // Below this a wake-up costs more than the work.
        let width = works < 1 << 16 ? 1 : pool.threads
        if products.allSatisfy({ integer($0) != nil }) {
            let packed = IntegerRows(x, stride: stride, rows: rows, columns: columns, pool: width == 1 ? nil : pool)
            forEachTask(width, pool) { product, band, _ in
                if let integer = integer(product) { packed.multiply(product, band, by: integer) }
            }
        } else if products.contains(where: { integer($0) != nil }) {
            // Each kind by its own way.
            for wanted in [true, false] {
                let part = products.filter { (integer($0) != nil) == wanted }
                Sweep(x: x, stride: stride, rows: rows, isPacked: isPacked, products: part).run(pool)
            }
        } else if products.allSatisfy(isFused) {
            forEachTask(width, pool) { product, band, _ in fused(product, band) }
        } else {
            let packed = PackedRows(x, stride: stride, rows: rows, columns: columns, pool: width == 1 ? nil : pool)
            forEachTask(width, pool) { product, band, range in
                if isFused(product) { fused(product, band) } else { packed.multiply(product, band, range) }
            }
        }
    }

    /// Calls `body` with a band of a product's output rows and a range of rows of x for each task.
    private func forEachTask(_ width: Int, _ pool: ThreadPool, _ body: (Product, Range<Int>, Range<Int>) -> Void) {
        let grids = products.map { grid($0, width) }
        var ends: [Int] = []
        for grid in grids { ends.append((ends.last ?? 0) + grid.tasks) }
        pool.run(ends.last ?? 0) { task in
            var i = 0
            while task >= ends[i] { i += 1 }
            let (band, range) = grids[i].task(task - (i == 0 ? 0 : ends[i - 1]))
            body(products[i], band, range)
        }
    }

    private func grid(_ product: Product, _ threads: Int) -> TaskGrid {
        guard integer(product) != nil || isFused(product) else {
            return .packed(rows: rows, by: product.rows, columns: product.columns, isFloat: product.isFloat, threads: threads)
        }
        // Bands so small that threads finish together.
        let share = max(1, (product.rows + threads - 1) / threads)
        let band = threads == 1 ? share : max(16, (share / 4 + 15) / 16 * 16)
        return TaskGrid(rows: rows, by: product.rows, rangeSize: rows, bandSize: band)
    }

    private func fused(_ product: Product, _ band: Range<Int>) {
        let (weights, bias, y) = product.part(band)
        Kernels.product(product.type)?(
            weights, product.rowBytes, band.count, product.columns, x, stride, rows, bias, y, product.stride)
    }
}
