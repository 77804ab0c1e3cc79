import CKernels

/// A weight of shape [rows, columns] (outputs, inputs), row-major, in any element type; the bytes are not copied.
public struct Matrix: Sendable {
    public let type: ElementType
    /// Outputs of the product.
    public let rows: Int
    /// Inputs of the product.
    public let columns: Int
    public let bytes: Bytes
    /// Bytes from one row to the next.
    let rowBytes: Int

    /// A weight over `bytes`, which must be exactly as many as type and shape need.
    public init(type: ElementType, rows: Int, columns: Int, bytes: Bytes) throws(TensorError) {
        guard rows >= 0, columns >= 0 else { throw .size(type: type, rows: rows, columns: columns) }
        guard columns % type.blockElements == 0 else {
            throw .columns(type: type, rows: rows, columns: columns, block: type.blockElements)
        }
        guard let rowBytes = type.byteCount(elements: columns) else {
            throw .size(type: type, rows: rows, columns: columns)
        }
        let (expected, overflow) = rowBytes.multipliedReportingOverflow(by: rows)
        guard !overflow else { throw .size(type: type, rows: rows, columns: columns) }
        guard bytes.count == expected else {
            throw .byteCount(type: type, rows: rows, columns: columns, expected: expected, found: bytes.count)
        }
        self.init(unchecked: type, rows, columns, bytes, rowBytes)
    }

    /// A float32 weight of shape [tensor.rows, tensor.columns] that shares the tensor's memory.
    public init(_ tensor: Tensor) {
        let bytes = Bytes(base: tensor.data, count: tensor.count * 4, owner: tensor)
        self.init(unchecked: .f32, tensor.rows, tensor.columns, bytes, tensor.columns * 4)
    }

    private init(unchecked type: ElementType, _ rows: Int, _ columns: Int, _ bytes: Bytes, _ rowBytes: Int) {
        self.type = type
        self.rows = rows
        self.columns = columns
        self.bytes = bytes
        self.rowBytes = rowBytes
    }

    /// Writes row `i` to `out` [columns] as float32 (an embedding look-up).
    public func row(_ i: Int, into out: UnsafeMutablePointer<Float>) {
        precondition((0..<rows).contains(i), "row \(i) of a matrix of \(rows) rows")
        widen(rows: i..<i + 1, into: out)
    }

    /// A float32 copy, [rows, columns].
    public func dequantised() -> Tensor {
        let tensor = Tensor(rows, columns)
        widen(rows: 0..<rows, into: tensor.data)
        return tensor
    }

    /// Writes the rows of a range to `out` [range.count, columns] as float32.
    func widen(rows range: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        Kernels.widen(type)(bytes.base + range.lowerBound * rowBytes, out, range.count * columns)
    }
}
