import CKernels
import Glibc

/// Operations on float32 tensors. All write into memory that the caller gives; `rows` lets a larger scratch tensor
/// be used for fewer rows, and defaults to all rows of the first tensor.
public enum Math {
    /// a · b over `n` elements.
    public static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ n: Int) -> Float {
        Kernels.table.pointee.dot(a, b, n)
    }

    /// y += alpha x over `n` elements.
    public static func axpy(_ alpha: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
        Kernels.table.pointee.axpy(alpha, x, y, n)
    }

    /// out = a · b, elementwise over `n` elements; `out` may be `a` or `b`.
    public static func multiply(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ n: Int
    ) {
        Kernels.table.pointee.multiply(a, b, out, n)
    }

    /// out[i] = scale (q · keys[i * stride ..< i * stride + n]) for i in 0..<count: one head's scores over a cache.
    public static func scores(
        _ q: UnsafePointer<Float>, _ keys: UnsafePointer<Float>, stride: Int, count: Int, _ n: Int, scale: Float,
        into out: UnsafeMutablePointer<Float>
    ) {
        Kernels.table.pointee.scores(q, keys, stride, count, n, scale, out)
    }

    /// out[d] += Σ weights[i] values[i * stride + d] for i in 0..<count, d in 0..<n: one head's mix of a cache.
    public static func weightedSum(
        _ weights: UnsafePointer<Float>, _ values: UnsafePointer<Float>, stride: Int, count: Int, _ n: Int,
        addingInto out: UnsafeMutablePointer<Float>
    ) {
        Kernels.table.pointee.weighted_sum(weights, values, stride, count, n, out)
    }

    /// Turns the pairs (x[2i], x[2i + 1]) of `n` elements by the angles whose cosines are turn[2i] and sines turn[2i + 1];
    /// `back` the other way.
    public static func rotate(
        _ x: UnsafeMutablePointer<Float>, by turn: UnsafePointer<Float>, _ n: Int, back: Bool = false
    ) {
        Kernels.table.pointee.rotate(x, turn, back ? -1 : 1, n)
    }

    /// x = softmax(x) over `count` elements; an element of -infinity becomes 0 if another is finite.
    public static func softmax(_ x: UnsafeMutablePointer<Float>, count: Int) {
        Kernels.table.pointee.softmax(x, count)
    }

    /// out[t] = x[t] · weight / √(mean(x[t]²) + eps); x, out: [rows, n], weight: [n]. `out` may be `x`.
    public static func rmsNorm(_ x: Tensor, rows: Int? = nil, weight: Tensor, eps: Float, into out: Tensor) {
        let (rows, n) = check(x, rows, out)
        precondition(weight.count == n, "weight of \(n) elements, found \(weight.count)")
        bands(rows, n) { for t in $0 { Kernels.table.pointee.rms_norm(x.row(t), weight.data, eps, out.row(t), n) } }
    }

    /// out[t] = (x[t] − mean) / √(variance + eps) · weight + bias; x, out: [rows, n], weight, bias: [n]. `out` may be `x`.
    public static func layerNorm(
        _ x: Tensor, rows: Int? = nil, weight: Tensor, bias: Tensor, eps: Float, into out: Tensor
    ) {
        let (rows, n) = check(x, rows, out)
        precondition(weight.count == n && bias.count == n, "weight and bias of \(n) elements")
        bands(rows, n) { for t in $0 { Kernels.table.pointee.layer_norm(x.row(t), weight.data, bias.data, eps, out.row(t), n) } }
    }

    /// out = silu(gate) · up, elementwise; all [rows, n]. `out` may be `gate` or `up`.
    public static func siluMultiply(_ gate: Tensor, _ up: Tensor, rows: Int? = nil, into out: Tensor) {
        let (rows, n) = check(gate, rows, out)
        precondition(up.columns == n && up.rows >= rows, "up has the shape of gate")
        bands(rows, n) {
            Kernels.table.pointee.silu_multiply(
                gate.row($0.lowerBound), up.row($0.lowerBound), out.row($0.lowerBound), $0.count * n)
        }
    }

    /// out = x / (1 + exp(−x)); both [rows, n]. `out` may be `x`.
    public static func silu(_ x: Tensor, rows: Int? = nil, into out: Tensor) {
        let (rows, n) = check(x, rows, out)
        bands(rows, n) { Kernels.table.pointee.silu(x.row($0.lowerBound), out.row($0.lowerBound), $0.count * n) }
    }

    /// out = x/2 (1 + erf(x/√2)), the exact GELU; both [rows, n]. `out` may be `x`.
    public static func geluExact(_ x: Tensor, rows: Int? = nil, into out: Tensor) {
        let (rows, n) = check(x, rows, out)
        bands(rows, n) { Kernels.table.pointee.gelu(x.row($0.lowerBound), out.row($0.lowerBound), $0.count * n) }
    }

    /// out = exp(x); both [rows, n]. `out` may be `x`.
    public static func exp(_ x: Tensor, rows: Int? = nil, into out: Tensor) {
        let (rows, n) = check(x, rows, out)
        bands(rows, n) { Kernels.table.pointee.exp(x.row($0.lowerBound), out.row($0.lowerBound), $0.count * n) }
    }

    /// out = tanh(x); both [rows, n]. For gates: a plain loop. `out` may be `x`.
    public static func tanh(_ x: Tensor, rows: Int? = nil, into out: Tensor) {
        let (rows, n) = check(x, rows, out)
        for i in 0..<rows * n { out.data[i] = tanhf(x.data[i]) }
    }

    /// out = a + b; all [rows, n]. `out` may be `a` or `b`.
    public static func add(_ a: Tensor, _ b: Tensor, rows: Int? = nil, into out: Tensor) {
        let (rows, n) = check(a, rows, out)
        precondition(b.columns == n && b.rows >= rows, "b has the shape of a")
        bands(rows, n) {
            Kernels.table.pointee.add(a.row($0.lowerBound), b.row($0.lowerBound), out.row($0.lowerBound), $0.count * n)
        }
    }

    /// out = a · b, elementwise; all [rows, n]. `out` may be `a` or `b`.
    public static func multiply(_ a: Tensor, _ b: Tensor, rows: Int? = nil, into out: Tensor) {
        let (rows, n) = check(a, rows, out)
        precondition(b.columns == n && b.rows >= rows, "b has the shape of a")
        bands(rows, n) {
            Kernels.table.pointee.multiply(a.row($0.lowerBound), b.row($0.lowerBound), out.row($0.lowerBound), $0.count * n)
        }
    }

    /// y += alpha x; both [rows, n].
    public static func addScaled(_ x: Tensor, by alpha: Float, rows: Int? = nil, to y: Tensor) {
        let (rows, n) = check(x, rows, y)
        bands(rows, n) { Kernels.table.pointee.axpy(alpha, x.row($0.lowerBound), y.row($0.lowerBound), $0.count * n) }
    }

    /// out[t] = x[t] + v for each row; x, out: [rows, n], v: [n]. `out` may be `x`.
    public static func addRow(_ x: Tensor, _ v: Tensor, rows: Int? = nil, into out: Tensor) {
        let (rows, n) = check(x, rows, out)
        precondition(v.count == n, "row of \(n) elements, found \(v.count)")
        bands(rows, n) { for t in $0 { Kernels.table.pointee.add(x.row(t), v.data, out.row(t), n) } }
    }

    /// out[t] = x[t] · v, elementwise, for each row; x, out: [rows, n], v: [n]. `out` may be `x`.
    public static func multiplyRow(_ x: Tensor, _ v: Tensor, rows: Int? = nil, into out: Tensor) {
        let (rows, n) = check(x, rows, out)
        precondition(v.count == n, "row of \(n) elements, found \(v.count)")
        bands(rows, n) { for t in $0 { Kernels.table.pointee.multiply(x.row(t), v.data, out.row(t), n) } }
    }

    /// Calls `body` for bands of rows, on several threads if the elements are worth a wake-up.
    public static func bands(_ rows: Int, _ columns: Int, _ body: (Range<Int>) -> Void) {
        let pool = ThreadPool.shared
        guard rows > 1, rows * columns > 1 << 14 else { return body(0..<rows) }
        let band = (rows + 4 * pool.threads - 1) / (4 * pool.threads)
        pool.run((rows + band - 1) / band) { body($0 * band..<min(rows, ($0 + 1) * band)) }
    }

    private static func check(_ x: Tensor, _ rows: Int?, _ out: Tensor) -> (rows: Int, columns: Int) {
        let rows = rows ?? x.rows
        precondition(
            rows >= 0 && rows <= x.rows && rows <= out.rows && x.columns == out.columns,
            "\(rows) rows of \(x.shape) into \(out.shape)")
        return (rows, x.columns)
    }
}
