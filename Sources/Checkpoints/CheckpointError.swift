/// Why a checkpoint cannot be used: which file, which key, what was expected, what was found.
public enum CheckpointError: Error, Equatable, CustomStringConvertible {
    /// The file cannot be opened, measured or mapped.
    case unreadable(file: String, reason: String)
    /// The file cannot be written; what was there before is untouched.
    case unwritable(file: String, reason: String)
    /// The file ends before what it promises.
    case truncated(file: String, key: String, expected: String, found: String)
    /// The file contradicts its format, or a tensor is not what the model needs.
    case malformed(file: String, key: String, expected: String, found: String)
    /// No tensor or metadata of that name.
    case missing(file: String, key: String, found: String)
    /// Correct, as far as can be told, but in a form that is not read here.
    case unsupported(file: String, key: String, expected: String, found: String)

    public var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "\(file): cannot be read: \(reason)"
        case .unwritable(let file, let reason):
            "\(file): cannot be written: \(reason)"
        case .truncated(let file, let key, let expected, let found):
            "\(file): \(key): the file is cut short: expected \(expected), found \(found)"
        case .malformed(let file, let key, let expected, let found):
            "\(file): \(key): expected \(expected), found \(found)"
        case .missing(let file, let key, let found):
            "\(file): \(key): expected in the file, found \(found)"
        case .unsupported(let file, let key, let expected, let found):
            "\(file): \(key): not supported: expected \(expected), found \(found)"
        }
    }
}
