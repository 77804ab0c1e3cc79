import CKernels
import COpenBLAS

extension Math {
    /// y[T, out] = x[T, in] · wᵀ + bias; w: [out, in], bias: [out]. T is `rows`, or all rows of x.
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
        for (w, bias, y) in products {
            precondition(
                x.columns == w.columns && y.columns == w.rows && tokens <= y.rows,
                "\(tokens) rows of \(x.shape) by [\(w.rows), \(w.columns)] into \(y.shape)")
            precondition(bias == nil || bias?.count == w.rows, "bias of \(w.rows) elements")
            linear(
                x.data, stride: x.columns, rows: tokens, w, bias: bias.map { UnsafePointer($0.data) },
                into: y.data, stride: y.columns, pool: pool)
        }
    }

    /// The same over raw memory: row t of x starts at x + t * xStride, row t of y at y + t * yStride.
    public static func linear(
        _ x: UnsafePointer<Float>, stride xStride: Int, rows tokens: Int, _ w: Matrix,
        bias: UnsafePointer<Float>? = nil, into y: UnsafeMutablePointer<Float>, stride yStride: Int,
        pool: ThreadPool = .shared
    ) {
        guard let product = Kernels.product(w.type) else {
            let widened = Matrix(w.dequantised())
            linear(x, stride: xStride, rows: tokens, widened, bias: bias, into: y, stride: yStride, pool: pool)
            return
        }
        let tasks = pool.threads * 2
        pool.run(tasks) { task in
            let rows = w.rows * task / tasks..<w.rows * (task + 1) / tasks
            product(
                w.bytes.base + rows.lowerBound * w.rowBytes, w.rowBytes, rows.count, w.columns, x, xStride, tokens,
                bias.map { $0 + rows.lowerBound }, y + rows.lowerBound, yStride)
        }
    }
}
