import Tensors

/// y = x wᵀ + b and its gradients over raw memory; rows follow one another without gaps unless a stride is given.
///
///   x: [rows, inputs]   w: [outputs, inputs]   b: [outputs]   y: [rows, outputs]
enum Dense {
    static func forward(
        _ x: UnsafePointer<Float>, rows: Int, inputs: Int, _ w: UnsafePointer<Float>, outputs: Int,
        bias: UnsafePointer<Float>? = nil, into y: UnsafeMutablePointer<Float>, adding: Bool = false
    ) {
        if let bias {
            for t in 0..<rows {
                let row = y + t * outputs
                if adding { Math.axpy(1, bias, row, outputs) } else { row.update(from: bias, count: outputs) }
            }
        }
        Math.gemm(
            m: rows, n: outputs, k: inputs, a: x, lda: inputs, b: w, ldb: inputs, transB: true, c: y, ldc: outputs,
            beta: adding || bias != nil ? 1 : 0)
    }

    /// dx (+)= dy w
    static func input(
        _ dy: UnsafePointer<Float>, rows: Int, outputs: Int, _ w: UnsafePointer<Float>, inputs: Int,
        into dx: UnsafeMutablePointer<Float>, adding: Bool
    ) {
        Math.gemm(
            m: rows, n: inputs, k: outputs, a: dy, lda: outputs, b: w, ldb: inputs, c: dx, ldc: inputs,
            beta: adding ? 1 : 0)
    }

    /// dw += dyᵀ x
    static func weight(
        _ dy: UnsafePointer<Float>, rows: Int, outputs: Int, _ x: UnsafePointer<Float>, inputs: Int,
        into dw: UnsafeMutablePointer<Float>
    ) {
        Math.gemm(
            m: outputs, n: inputs, k: rows, a: dy, lda: outputs, transA: true, b: x, ldb: inputs, c: dw, ldc: inputs,
            beta: 1)
    }

    /// db += Σ dy
    static func bias(
        _ dy: UnsafePointer<Float>, rows: Int, outputs: Int, into db: UnsafeMutablePointer<Float>
    ) {
        for t in 0..<rows { Math.axpy(1, dy + t * outputs, db, outputs) }
    }
}
