import CKernels

/// A frozen weight [rows, columns] rounded to bfloat16 and packed for products with many rows at once.
///
/// Twice as fast as float32 where the CPU has AVX512-BF16, with two to three decimal digits in each term and float32
/// sums: enough to train by, not to compare with golden numbers. What a row gives does not depend on the rows beside it.
public final class NarrowMatrix: @unchecked Sendable {
    /// Whether this CPU can use it.
    public static var isAvailable: Bool { lk_has_bf16() != 0 }

    /// Outputs and inputs of the product.
    public let rows: Int
    public let columns: Int
    private let packed: UnsafeMutableRawPointer

    /// The weight of a product y = x wᵀ; with `transposed`, that of its gradient dx = dy w.
    public init(_ weight: Tensor, transposed: Bool = false) {
        let (R, C) = (weight.rows, weight.columns)
        (rows, columns) = transposed ? (C, R) : (R, C)
        packed = .allocate(byteCount: max(64, lk_bf16_packed_bytes(rows, columns)), alignment: 64)
        if transposed {
            lk_bf16_pack(weight.data, 1, C, rows, columns, packed)
        } else {
            lk_bf16_pack(weight.data, C, 1, rows, columns, packed)
        }
    }

    deinit { packed.deallocate() }

    /// y[t] (+)= x[t] · wᵀ for `count` rows; x: [count, columns], y: [count, rows], both without gaps.
    public func multiply(
        _ x: UnsafePointer<Float>, rows count: Int, into y: UnsafeMutablePointer<Float>, adding: Bool = false
    ) {
        precondition(Self.isAvailable, "products of bfloat16 on a CPU that has none")
        let pairs = (columns + 1) / 2
        let narrow = Scratch.borrow(floats: count * pairs)
        defer { Scratch.giveBack(narrow) }
        let block = 32
        ThreadPool.shared.run((count + block - 1) / block) { i in
            let first = i * block
            lk_bf16_narrow(x + first * columns, min(block, count - first), columns, narrow.data + first * pairs)
        }
        let panels = (rows + 31) / 32
        // A few panels for each task: enough tasks that threads finish together.
        let band = max(1, min(8, panels / (4 * ThreadPool.shared.threads)))
        ThreadPool.shared.run((panels + band - 1) / band) { task in
            lk_bf16_product(
                narrow.data, count, rows, columns, packed, task * band, min(panels, (task + 1) * band), y, rows,
                adding ? 1 : 0)
        }
    }
}
