/// A JSON value, read from untrusted bytes.
///
/// Objects keep their members' order and duplicates: a reader decides what they mean. Names are compared by their bytes,
/// not by canonical equivalence, because vocabularies hold both spellings of an accented letter.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    public struct Member: Sendable {
        public let name: String
        public let value: JSONValue
    }

    /// Parses all of `bytes`; nesting deeper than `depth` is an error. `file` is named in errors.
    public init(
        parsing bytes: UnsafeRawBufferPointer, file: String, depth: Int = 64
    ) throws(CheckpointError) {
        var parser = JSONParser(bytes: bytes, file: file, depthLimit: depth)
        self = try parser.document()
    }

    /// Parses a file.
    public init(path: String, depth: Int = 64) throws(CheckpointError) {
        let mapping = try MappedFile(path: path)
        try self.init(parsing: mapping.bytes.buffer, file: path, depth: depth)
    }

    /// The first member of that name; nil if there is none or this is not an object.
    public subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    public var members: [Member]? { if case .object(let value) = self { value } else { nil } }
    public var isNull: Bool { if case .null = self { true } else { false } }

    /// An integer, or a float without a fraction as one.
    public var int: Int? {
        switch self {
        case .int(let value): value
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    /// Any number.
    public var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// What the value is, for messages.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let value): "\"\(value.prefix(60))\""
        case .array: "an array"
        case .object: "an object"
        }
    }
}
