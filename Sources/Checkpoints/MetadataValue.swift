import Tensors

/// A value of a checkpoint's metadata.
public enum MetadataValue: Sendable {
    case string(String)
    case int(Int)
    case double(Double)
    case bool(Bool)
    case array(MetadataArray)

    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var int: Int? { if case .int(let value) = self { value } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var array: MetadataArray? { if case .array(let value) = self { value } else { nil } }
    /// A double, or an integer as one.
    public var double: Double? {
        switch self {
        case .double(let value): value
        case .int(let value): Double(value)
        default: nil
        }
    }

    /// What the value is, for messages.
    public var kind: String {
        switch self {
        case .string: "a string"
        case .int: "an integer"
        case .double: "a float"
        case .bool: "a truth value"
        case .array: "an array"
        }
    }
}

/// An array of GGUF metadata, left in the file until asked for: a vocabulary is large, and most programs need none of it.
public struct MetadataArray: Sendable {
    public let count: Int
    let type: GGUFMetadataType
    let bytes: Bytes
    let file: String

    /// All values.
    public var values: [MetadataValue] {
        var result: [MetadataValue] = []
        forEach { result.append($0) }
        return result
    }

    /// The values as integers; nil if they are not integers.
    public var integers: [Int]? {
        guard type.isInteger else { return nil }
        var result: [Int] = []
        result.reserveCapacity(count)
        forEach { if case .int(let value) = $0 { result.append(value) } }
        return result
    }

    /// The values as floats; nil if they are not numbers.
    public var doubles: [Double]? {
        guard type.isInteger || type == .float32 || type == .float64 else { return nil }
        var result: [Double] = []
        result.reserveCapacity(count)
        forEach { if let value = $0.double { result.append(value) } }
        return result
    }

    /// True if the elements are strings.
    public var isOfStrings: Bool { type == .string }

    /// Calls `body` with the UTF-8 bytes of each string, in order; not at all if the elements are not strings.
    public func forEachString(_ body: (UnsafeRawBufferPointer) -> Void) {
        guard isOfStrings else { return }
        withExtendedLifetime(bytes.owner) {
            var cursor = ByteCursor(bytes.buffer, file: file)
            for _ in 0..<count {
                // Checked once when opened and again here: the file may have changed under the mapping.
                guard let length = try? cursor.integer(UInt64.self, ""), let text = try? cursor.take(length, "") else { return }
                body(text)
            }
        }
    }

    private func forEach(_ body: (MetadataValue) -> Void) {
        withExtendedLifetime(bytes.owner) {
            var cursor = ByteCursor(bytes.buffer, file: file)
            for _ in 0..<count {
                guard let value = try? cursor.metadataValue(type, key: "", owner: bytes.owner, depth: 0) else { return }
                body(value)
            }
        }
    }
}
