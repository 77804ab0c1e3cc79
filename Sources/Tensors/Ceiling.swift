import CKernels

/// What this machine can do at most, measured: what a benchmark is held against.
public enum Ceiling {
    /// Bytes a second that the threads of the pool read from memory together.
    public static func bandwidth(pool: ThreadPool = .shared) -> Double {
        // More than caches hold that are one's own.
        let floats = 1 << 27
        let memory = Tensor(floats)
        memory.data.update(repeating: 1, count: floats)
        let share = floats * 4 / pool.threads / 64 * 64
        return best { pool.run(pool.threads) { _ = lk_read(UnsafeRawPointer(memory.data) + $0 * share, share) } }
            .map { Double(share * pool.threads) / $0 } ?? 0
    }

    /// Additions and multiplications a second of products with float32 weights, in the way that the table in use takes, of all
    /// threads of the pool together.
    public static func arithmetic(pool: ThreadPool = .shared) -> Double {
        operations(pool, Kernels.table.pointee.gemm.multiply_registers)
    }

    /// The same of products with quantised weights, in the way that the table in use takes; a weight by an activation is two.
    public static func quantisedArithmetic(pool: ThreadPool = .shared) -> Double {
        operations(pool, Kernels.table.pointee.integer.multiply_registers ?? Kernels.table.pointee.gemm.multiply_registers)
    }

    private static func operations(
        _ pool: ThreadPool, _ multiply: @convention(c) (Int, UnsafeMutablePointer<Float>) -> Double
    ) -> Double {
        let sinks = Tensor(pool.threads, 16)
        let counts = Tensor(pool.threads, 16)
        return best { pool.run(pool.threads) { counts.row($0)[0] = Float(multiply(4_000_000, sinks.row($0))) } }
            .map { Double(counts.row(0)[0]) * Double(pool.threads) / $0 } ?? 0
    }

    /// The shortest of a few measurements in seconds; nil if the clock stood still.
    private static func best(_ work: () -> Void) -> Double? {
        let seconds = (0..<5).map { _ in
            let time = ContinuousClock().measure(work)
            return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        }
        return seconds.min().flatMap { $0 > 0 ? $0 : nil }
    }
}
