import CKernels

extension Math {
    /// y[T, out] = x[T, in] · wᵀ + bias; w: [out, in], bias: [out]. T is `rows`, or all rows of x.
    ///
    /// Sums are float32 whatever the weight's type: x is never rounded. y must not share memory with x.
    public static func linear(
        _ x: Tensor, rows: Int? = nil, _ w: Matrix, bias: Tensor? = nil, into y: Tensor, pool: ThreadPool = .shared
    ) {
        linears(x, rows: rows, [(w: w, bias: bias, y: y)], pool: pool)
    }

    /// Several products over the same x in one sweep of the pool (q, k, v; gate and up).
    public static func linears(
        _ x: Tensor, rows: Int? = nil, _ products: [(w: Matrix, bias: Tensor?, y: Tensor)], pool: ThreadPool = .shared
    ) {
        let tokens = rows ?? x.rows
        precondition(tokens >= 0 && tokens <= x.rows, "\(tokens) rows of \(x.shape)")
        sweep(
            products.map { w, bias, y in
                precondition(
                    x.columns == w.columns && y.columns == w.rows && tokens <= y.rows,
                    "\(tokens) rows of \(x.shape) by [\(w.rows), \(w.columns)] into \(y.shape)")
                precondition(bias == nil || bias?.count == w.rows, "bias of \(w.rows) elements")
                return Product(
                    x: x.data, xStride: x.columns, tokens: tokens, w: w, bias: bias.map { UnsafePointer($0.data) },
                    y: y.data, yStride: y.columns)
            }, pool)
    }

    /// The same over raw memory: row t of x starts at x + t · xStride, row t of y at y + t · yStride.
    public static func linear(
        _ x: UnsafePointer<Float>, stride xStride: Int, rows tokens: Int, _ w: Matrix,
        bias: UnsafePointer<Float>? = nil, into y: UnsafeMutablePointer<Float>, stride yStride: Int,
        pool: ThreadPool = .shared
    ) {
        sweep([Product(x: x, xStride: xStride, tokens: tokens, w: w, bias: bias, y: y, yStride: yStride)], pool)
    }

    /// Bands of all products, one task each.
    private static func sweep(_ products: [Product], _ pool: ThreadPool) {
        let works = products.reduce(0) { $0 + $1.w.rows * $1.w.columns * max(1, $1.tokens) }
        // Below this a wake-up costs more than the work.
        let width = works < 1 << 16 ? 1 : pool.threads
        let bands = products.map { $0.bandRows(width) }
        var ends: [Int] = []
        for (product, band) in zip(products, bands) {
            ends.append((ends.last ?? 0) + (product.w.rows + band - 1) / band)
        }
        pool.run(ends.last ?? 0) { task in
            var i = 0
            while task >= ends[i] { i += 1 }
            let first = (task - (i == 0 ? 0 : ends[i - 1])) * bands[i]
            products[i].run(first..<min(first + bands[i], products[i].w.rows))
        }
    }
}

/// One product of a sweep: y[t, r] = x[t] · w[r] + bias[r].
private struct Product {
    let x: UnsafePointer<Float>
    let xStride: Int
    let tokens: Int
    let w: Matrix
    let bias: UnsafePointer<Float>?
    let y: UnsafeMutablePointer<Float>
    let yStride: Int

    /// From this many tokens on, widening the weights first and OpenBLAS after it are faster than the fused loops.
    private static let manyTokens = 48

    private var isFused: Bool { tokens < Self.manyTokens && Kernels.product(w.type) != nil }

    /// Output rows of one task: few enough that threads finish together, and that widened rows stay in a core's cache.
    func bandRows(_ threads: Int) -> Int {
        let share = max(1, (w.rows + threads - 1) / threads)
        if isFused { return threads == 1 ? share : max(16, (share / 4 + 15) / 16 * 16) }
        if w.type == .f32 { return min(share, 512) }
        return min(share, max(16, (1 << 17) / max(1, w.columns) / 16 * 16))
    }

    func run(_ rows: Range<Int>) {
        guard !isFused, tokens > 0 else {
            if tokens > 0 { fused(rows) }
            return
        }
        if w.type == .f32, UInt(bitPattern: w.bytes.base) % 4 == 0 {
            let base = (w.bytes.base + rows.lowerBound * w.rowBytes).assumingMemoryBound(to: Float.self)
            return dense(base, rows)
        }
        let scratch = Scratch.borrow(floats: rows.count * w.columns)
        defer { Scratch.giveBack(scratch) }
        w.widen(rows: rows, into: scratch.data)
        dense(scratch.data, rows)
    }

    private func fused(_ rows: Range<Int>) {
        guard let product = Kernels.product(w.type) else { return }
        product(
            w.bytes.base + rows.lowerBound * w.rowBytes, w.rowBytes, rows.count, w.columns, x, xStride, tokens,
            bias.map { $0 + rows.lowerBound }, y + rows.lowerBound, yStride)
    }

    /// `rows` of y from those rows as float32.
    private func dense(_ weights: UnsafePointer<Float>, _ rows: Range<Int>) {
        let out = y + rows.lowerBound
        if tokens < Self.manyTokens, let product = Kernels.product(.f32) {
            product(
                weights, w.columns * 4, rows.count, w.columns, x, xStride, tokens, bias.map { $0 + rows.lowerBound },
                out, yStride)
            return
        }
        if let bias {
            for t in 0..<tokens { (out + t * yStride).update(from: bias + rows.lowerBound, count: rows.count) }
        }
        Math.sgemm(
            m: tokens, n: rows.count, k: w.columns, a: x, lda: xStride, b: weights, ldb: w.columns, transB: true,
            c: out, ldc: yStride, beta: bias == nil ? 0 : 1)
    }
}
