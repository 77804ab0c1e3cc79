extension Math {
    /// c[m, n] = alpha · op(a)[m, k] · op(b)[k, n] + beta · c, as `sgemm`, on all threads of the pool.
    public static func gemm(
        m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int, transA: Bool = false, b: UnsafePointer<Float>,
        ldb: Int, transB: Bool = false, c: UnsafeMutablePointer<Float>, ldc: Int, alpha: Float = 1, beta: Float = 0,
        pool: ThreadPool = .shared
    ) {
        // Below this a wake-up costs more than the work.
        let parts = m * n * k < 1 << 18 ? 1 : pool.threads
        let alongM = m >= n
        let size = alongM ? m : n
        // Bands of whole vectors, so that no two threads write one cache line of a row.
        let band = max(16, (size / parts + 15) / 16 * 16)
        pool.run((size + band - 1) / band) { task in
            let first = task * band
            let count = min(band, size - first)
            if alongM {
                sgemm(
                    m: count, n: n, k: k, a: a + (transA ? first : first * lda), lda: lda, transA: transA, b: b,
                    ldb: ldb, transB: transB, c: c + first * ldc, ldc: ldc, alpha: alpha, beta: beta)
            } else {
                sgemm(
                    m: m, n: count, k: k, a: a, lda: lda, transA: transA, b: b + (transB ? first * ldb : first),
                    ldb: ldb, transB: transB, c: c + first, ldc: ldc, alpha: alpha, beta: beta)
            }
        }
    }
}
