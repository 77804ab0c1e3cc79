/// What is wrong with bytes that should be a weight.
public enum TensorError: Error, Equatable, CustomStringConvertible {
    /// The bytes of a matrix are not as many as its type and shape need.
    case byteCount(type: ElementType, rows: Int, columns: Int, expected: Int, found: Int)
    /// The columns of a matrix are not a whole number of the type's blocks.
    case columns(type: ElementType, rows: Int, columns: Int, block: Int)
    /// A size is negative or overflows.
    case size(type: ElementType, rows: Int, columns: Int)

    public var description: String {
        switch self {
        case .byteCount(let type, let rows, let columns, let expected, let found):
            "matrix [\(rows), \(columns)] of \(type.rawValue): expected \(expected) bytes, found \(found)"
        case .columns(let type, let rows, let columns, let block):
            "matrix [\(rows), \(columns)] of \(type.rawValue): expected columns in multiples of \(block), found \(columns)"
        case .size(let type, let rows, let columns):
            "matrix [\(rows), \(columns)] of \(type.rawValue): expected a size that fits in memory, found none"
        }
    }
}
