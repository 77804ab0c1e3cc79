import CKernels

/// Rows of x as products of many tokens want them: packed once, and then multiplied by as many weights as there are.
public struct PackedRows: ~Copyable {
    public let rows: Int
    public let columns: Int
    private let memory: Tensor

    /// Packs x, whose row t starts at x + t · stride, on the threads of the pool; nil: on the calling thread.
    public init(_ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int, pool: ThreadPool? = nil) {
        (self.rows, self.columns) = (rows, columns)
        let gemm = Kernels.table.pointee.gemm
        memory = Scratch.borrow(floats: gemm.bytes(rows, columns) / 4)
        let data = memory.data
        let panels = (rows + gemm.panel - 1) / gemm.panel
        func pack(_ panel: Int) { gemm.pack(x, stride, rows, columns, panel, data) }
        // Below this a wake-up costs more than the work.
        if let pool, rows * columns > 1 << 14 {
            pool.run(panels, pack)
        } else {
            for panel in 0..<panels { pack(panel) }
        }
    }

    deinit { Scratch.giveBack(memory) }

    /// out[t · outStride + r] (+)= scale · Σ over k of w[r · rowStep + k · columnStep] · x[t, k] + bias[r], for r < weights.
    public func multiply(
        _ w: UnsafePointer<Float>, rowStep: Int, columnStep: Int = 1, weights: Int, scale: Float = 1,
        bias: UnsafePointer<Float>? = nil, adding: Bool = false, into out: UnsafeMutablePointer<Float>, outStride: Int
    ) {
        Kernels.table.pointee.gemm.product(
            w, rowStep, columnStep, weights, columns, memory.data, rows, scale, bias, out, outStride, adding ? 1 : 0)
    }
}
