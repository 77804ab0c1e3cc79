import Glibc

/// A float32 array in row-major order, contiguous, aligned to 64 bytes, zero at the start.
///
/// It has no locks: two threads may write different elements, never the same.
public final class Tensor: @unchecked Sendable {
    /// Dimensions, outermost first.
    public let shape: [Int]
    /// Elements: the product of the shape.
    public let count: Int
    /// The first element; valid while the tensor lives.
    public let data: UnsafeMutablePointer<Float>
    private let allocation: UnsafeMutableRawPointer

    /// Zeros of the given shape. The memory is committed when it is first written.
    public init(_ shape: [Int]) {
        precondition(shape.allSatisfy { $0 >= 0 }, "a tensor's shape has no negative dimension: \(shape)")
        self.shape = shape
        count = shape.reduce(1, *)
        let alignment = 64
        // calloc, not memset: large scratch and caches cost nothing until they are used.
        guard let allocation = calloc(count * MemoryLayout<Float>.stride + alignment, 1) else {
            preconditionFailure("out of memory for a tensor of shape \(shape)")
        }
        self.allocation = allocation
        data = allocation.alignedUp(toMultipleOf: alignment).assumingMemoryBound(to: Float.self)
    }

    /// Zeros of the given shape.
    public convenience init(_ shape: Int...) { self.init(shape) }

    /// A copy of `values`, which are as many as the shape has elements.
    public convenience init(_ values: [Float], _ shape: [Int]) {
        self.init(shape)
        precondition(values.count == count, "shape \(shape) has \(count) elements, found \(values.count)")
        values.withUnsafeBufferPointer { if let base = $0.baseAddress { data.update(from: base, count: count) } }
    }

    /// Matrices of as many rows, one beside another: [N, Σ columns].
    public convenience init(beside parts: [Tensor]) {
        let rows = parts.first?.rows ?? 0
        precondition(parts.allSatisfy { $0.rows == rows }, "tensors beside one another have as many rows")
        self.init(rows, parts.reduce(0) { $0 + $1.columns })
        var column = 0
        for part in parts {
            for i in 0..<rows { (row(i) + column).update(from: part.row(i), count: part.columns) }
            column += part.columns
        }
    }

    deinit { free(allocation) }

    /// The product of all dimensions but the last.
    public var rows: Int { shape.dropLast().reduce(1, *) }

    /// The last dimension; 1 for a scalar.
    public var columns: Int { shape.last ?? 1 }

    /// The first element of row `i` of `rows`.
    public func row(_ i: Int) -> UnsafeMutablePointer<Float> { data + i * columns }

    /// A copy of all elements.
    public var array: [Float] { Array(UnsafeBufferPointer(start: data, count: count)) }
}
