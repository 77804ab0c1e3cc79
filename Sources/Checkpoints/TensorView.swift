import Tensors

/// A named tensor inside a mapped file. Sizes are checked: `bytes` is exactly what `type` and `shape` need.
public struct TensorView: Sendable {
    public let name: String
    /// The file it lies in, for messages.
    public let file: String
    public let type: ElementType
    /// Row-major dimensions, outermost first (GGUF's own order reversed).
    public let shape: [Int]
    public let bytes: Bytes

    /// `CheckpointError.malformed` if the bytes are not exactly those that type and shape need.
    init(name: String, file: String, type: ElementType, shape: [Int], bytes: Bytes) throws(CheckpointError) {
        guard let elements = Shape.elements(shape) else {
            throw .malformed(file: file, key: name, expected: "a shape that fits in memory", found: "\(shape)")
        }
        let columns = shape.last ?? 1
        guard columns % type.blockElements == 0, let expected = type.byteCount(elements: elements) else {
            throw .malformed(
                file: file, key: name, expected: "rows in blocks of \(type.blockElements) (\(type.rawValue))",
                found: "shape \(shape)")
        }
        guard bytes.count == expected else {
            throw .malformed(
                file: file, key: name, expected: "\(expected) bytes (\(type.rawValue) \(shape))",
                found: "\(bytes.count) bytes")
        }
        self.name = name
        self.file = file
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }

    /// Elements: the product of the shape.
    public var count: Int { Shape.elements(shape) ?? 0 }

    /// The weight [rows, columns] in its stored type, not copied. The tensor must have two dimensions.
    public func matrix() throws(CheckpointError) -> Matrix {
        guard shape.count == 2 else { throw malformed(expected: "two dimensions", found: "shape \(shape)") }
        return try matrix(rows: shape[0], columns: shape[1])
    }

    /// The same bytes seen as [rows, columns], not copied: for example a patch embedding [D, C, H, W] as [D, C·H·W].
    public func matrix(rows: Int, columns: Int) throws(CheckpointError) -> Matrix {
        do {
            return try Matrix(type: type, rows: rows, columns: columns, bytes: bytes)
        } catch {
            throw malformed(expected: "a matrix [\(rows), \(columns)]", found: "\(error)")
        }
    }

    /// A float32 copy of the same shape.
    public func tensor() throws(CheckpointError) -> Tensor {
        let result = Tensor(shape)
        guard result.count > 0 else { return result }
        let columns = shape.last ?? 1
        let matrix = try matrix(rows: result.count / columns, columns: columns)
        for row in 0..<matrix.rows { matrix.row(row, into: result.row(row)) }
        return result
    }

    /// A copy of a tensor of two dimensions whose row i is this one's row `source(i)`, in the same type.
    public func reordered(row source: (Int) -> Int) throws(CheckpointError) -> TensorView {
        guard shape.count == 2 else { throw malformed(expected: "two dimensions", found: "shape \(shape)") }
        let rows = shape[0]
        let copy = OwnedBytes(count: bytes.count)
        let size = rows > 0 ? bytes.count / rows : 0
        for row in 0..<rows {
            let from = source(row)
            precondition((0..<rows).contains(from), "row \(from) of \(rows)")
            copy.copy(bytes.buffer[from * size..<(from + 1) * size], to: row * size)
        }
        return try TensorView(name: name, file: file, type: type, shape: shape, bytes: copy.bytes)
    }

    private func malformed(expected: String, found: String) -> CheckpointError {
        .malformed(file: file, key: name, expected: expected, found: found)
    }
}
