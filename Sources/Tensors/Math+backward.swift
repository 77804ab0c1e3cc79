import CKernels
import Glibc

/// Gradients of the operations in Math.swift. Each takes the gradient of the loss in what the operation wrote and gives
/// that in what it read; gradients of weights are added to what is there, for they sum over rows.
extension Math {
    /// dp[t] = p[t] ⊙ (dp[t] − p[t] · dp[t]) in place over `count` elements; p is a softmax's result.
    public static func softmaxBackward(
        _ p: UnsafePointer<Float>, _ dp: UnsafeMutablePointer<Float>, count: Int
    ) {
        Kernels.table.pointee.softmax_backward(p, dp, count)
    }

    /// dx += the gradient through `rmsNorm`, dWeight (if any) += the weight's; x, dy, dx: [rows, n], weight: [n].
    public static func rmsNormBackward(
        _ x: Tensor, rows: Int, weight: Tensor, eps: Float, _ dy: Tensor, addingInto dx: Tensor, dWeight: Tensor?
    ) {
        let n = x.columns
        precondition(weight.count == n && dy.columns == n && dx.columns == n && dWeight?.count ?? n == n)
        precondition(rows <= x.rows && rows <= dy.rows && rows <= dx.rows)
        inBands(rows, dWeight == nil ? nil : n) { range, sums in
            for t in range {
                Kernels.table.pointee.rms_norm_backward(x.row(t), weight.data, eps, dy.row(t), dx.row(t), sums, n)
            }
        } collect: { sums in
            if let dWeight { axpy(1, sums, dWeight.data, n) }
        }
    }

    /// dx += the gradient through `layerNorm`; dWeight and dBias (both or none) += the weight's and the bias's.
    public static func layerNormBackward(
        _ x: Tensor, rows: Int, weight: Tensor, eps: Float, _ dy: Tensor, addingInto dx: Tensor, dWeight: Tensor?,
        dBias: Tensor?
    ) {
        let n = x.columns
        precondition(weight.count == n && dy.columns == n && dx.columns == n && (dWeight == nil) == (dBias == nil))
        precondition(rows <= x.rows && rows <= dy.rows && rows <= dx.rows)
        inBands(rows, dWeight == nil ? nil : 2 * n) { range, sums in
            for t in range {
                Kernels.table.pointee.layer_norm_backward(
                    x.row(t), weight.data, eps, dy.row(t), dx.row(t), sums, sums.map { $0 + n }, n)
            }
        } collect: { sums in
            guard let dWeight, let dBias else { return }
            axpy(1, sums, dWeight.data, n)
            axpy(1, sums + n, dBias.data, n)
        }
    }

    /// Gradients of `siluMultiply` in gate and up; `dUp` may be `dy`.
    public static func siluMultiplyBackward(
        _ gate: Tensor, _ up: Tensor, rows: Int, _ dy: Tensor, dGate: Tensor, dUp: Tensor
    ) {
        let n = gate.columns
        precondition(up.columns == n && dy.columns == n && dGate.columns == n && dUp.columns == n)
        elementwise(rows, n) { at, count in
            Kernels.table.pointee.silu_multiply_backward(
                gate.data + at, up.data + at, dy.data + at, dGate.data + at, dUp.data + at, count)
        }
    }

    /// The gradient of `geluExact`; `dx` may be `dy`.
    public static func geluExactBackward(_ x: Tensor, rows: Int, _ dy: Tensor, into dx: Tensor) {
        precondition(dy.columns == x.columns && dx.columns == x.columns)
        elementwise(rows, x.columns) { at, count in
            Kernels.table.pointee.gelu_backward(x.data + at, dy.data + at, dx.data + at, count)
        }
    }

    /// out[n] += Σ over rows of x[rows, n]: the gradient of a bias.
    public static func addColumns(_ x: Tensor, rows: Int, into out: Tensor) {
        precondition(out.count == x.columns)
        for t in 0..<rows { axpy(1, x.row(t), out.data, out.count) }
    }

    /// The numbers of one step of AdamW.
    public struct AdamWStep: Sendable {
        public var rate: Float
        public var beta1: Float
        public var beta2: Float
        public var eps: Float
        /// Decoupled weight decay.
        public var decay: Float
        /// What the gradient is multiplied by first: clipping.
        public var gradientScale: Float
        /// The step's number, from 1.
        public var step: Int

        public init(
            rate: Float, beta1: Float, beta2: Float, eps: Float, decay: Float, gradientScale: Float, step: Int
        ) {
            (self.rate, self.beta1, self.beta2, self.eps) = (rate, beta1, beta2, eps)
            (self.decay, self.gradientScale, self.step) = (decay, gradientScale, step)
        }
    }

    /// One step of AdamW (arXiv 1711.05101) on a weight; `mean` and `square` are the running means of the gradient and
    /// its square. All of one size.
    public static func adamW(_ weight: Tensor, _ gradient: Tensor, mean: Tensor, square: Tensor, _ s: AdamWStep) {
        let step = Double(s.step)
        let numbers = lk_adamw(
            rate: s.rate, beta1: s.beta1, beta2: s.beta2, eps: s.eps, decay: s.decay, g_scale: s.gradientScale,
            m_scale: Float(1 / (1 - pow(Double(s.beta1), step))), v_scale: Float(1 / (1 - pow(Double(s.beta2), step))))
        elementwise(1, weight.count) { at, count in
            Kernels.table.pointee.adamw(
                weight.data + at, gradient.data + at, mean.data + at, square.data + at, count, numbers)
        }
    }

    /// Calls `body` with ranges of rows on all threads. With `sums`, each range gets zeros of that many floats, which
    /// `collect` is given afterwards in the order of the ranges, so that a sum does not depend on who came first.
    private static func inBands(
        _ rows: Int, _ sums: Int?, _ body: (Range<Int>, UnsafeMutablePointer<Float>?) -> Void,
        collect: (UnsafePointer<Float>) -> Void
    ) {
        let band = 64
        let bands = (rows + band - 1) / band
        let partial = sums.map { Tensor(bands, $0) }
        ThreadPool.shared.run(bands) { i in
            body(i * band..<min(rows, (i + 1) * band), partial?.row(i))
        }
        if let partial { for i in 0..<bands { collect(partial.row(i)) } }
    }

    /// Calls `body` with pieces (first element, count) of rows · n elements on all threads.
    static func elementwise(_ rows: Int, _ n: Int, _ body: (Int, Int) -> Void) {
        let (count, piece) = (rows * n, 1 << 15)
        ThreadPool.shared.run((count + piece - 1) / piece) { i in body(i * piece, min(piece, count - i * piece)) }
    }
}
