import COpenBLAS

extension Math {
    /// c[m, n] = alpha · op(a)[m, k] · op(b)[k, n] + beta · c, row-major with leading dimensions; op transposes if asked.
    /// Runs on the calling thread alone, and may run on several at once.
    public static func sgemm(
        m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int, transA: Bool = false, b: UnsafePointer<Float>,
        ldb: Int, transB: Bool = false, c: UnsafeMutablePointer<Float>, ldc: Int, alpha: Float = 1, beta: Float = 0
    ) {
        _ = singleThreaded
        guard m > 0, n > 0 else { return }
        cblas_sgemm(
            CblasRowMajor, transA ? CblasTrans : CblasNoTrans, transB ? CblasTrans : CblasNoTrans,
            Int32(m), Int32(n), Int32(k), alpha, a, Int32(max(1, lda)), b, Int32(max(1, ldb)), beta, c,
            Int32(max(1, ldc)))
    }

    /// The pool's threads are the only ones that compute: OpenBLAS starts none of its own.
    private static let singleThreaded: Void = {
        OpenBLASCore.correct()
        openblas_set_num_threads(1)
    }()
}
