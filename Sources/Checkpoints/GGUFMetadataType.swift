import Tensors

/// The value types of GGUF metadata, by their number in the file.
enum GGUFMetadataType: UInt32, Sendable {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    var isInteger: Bool {
        switch self {
        case .float32, .float64, .bool, .string, .array: false
        default: true
        }
    }

    /// Bytes of one value; nil where it varies.
    var size: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }
}

extension ByteCursor {
    /// Arrays of arrays deeper than this are refused; no known file has any.
    private static var depthLimit: Int { 4 }

    mutating func metadataType(_ key: String) throws(CheckpointError) -> GGUFMetadataType {
        let number = try integer(UInt32.self, "\(key) (its type)")
        guard let type = GGUFMetadataType(rawValue: number) else {
            throw malformed(key, expected: "a value type from 0 to 12", found: "\(number)")
        }
        return type
    }

    mutating func metadataString(_ key: @autoclosure () -> String) throws(CheckpointError) -> UnsafeRawBufferPointer {
        let length = try integer(UInt64.self, "\(key()) (its length)")
        return try take(length, key())
    }

    /// Reads one value; an array is checked to its end and kept as a view of `buffer`, which `owner` keeps alive.
    mutating func metadataValue(
        _ type: GGUFMetadataType, key: String, owner: AnyObject?, depth: Int
    ) throws(CheckpointError) -> MetadataValue {
        switch type {
        case .uint8: return .int(Int(try integer(UInt8.self, key)))
        case .int8: return .int(Int(try integer(Int8.self, key)))
        case .uint16: return .int(Int(try integer(UInt16.self, key)))
        case .int16: return .int(Int(try integer(Int16.self, key)))
        case .uint32: return .int(Int(try integer(UInt32.self, key)))
        case .int32: return .int(Int(try integer(Int32.self, key)))
        case .int64: return .int(Int(try integer(Int64.self, key)))
        case .uint64:
            let value = try integer(UInt64.self, key)
            guard let int = Int(exactly: value) else {
                throw malformed(key, expected: "an integer up to \(Int.max)", found: "\(value)")
            }
            return .int(int)
        case .float32: return .double(Double(Float(bitPattern: try integer(UInt32.self, key))))
        case .float64: return .double(Double(bitPattern: try integer(UInt64.self, key)))
        case .bool:
            let value = try integer(UInt8.self, key)
            guard value <= 1 else { throw malformed(key, expected: "0 or 1 for a truth value", found: "\(value)") }
            return .bool(value == 1)
        case .string: return .string(String(decoding: try metadataString(key), as: UTF8.self))
        case .array: return .array(try metadataArray(key: key, owner: owner, depth: depth + 1))
        }
    }

    private mutating func metadataArray(
        key: String, owner: AnyObject?, depth: Int
    ) throws(CheckpointError) -> MetadataArray {
        guard depth <= Self.depthLimit else {
            throw malformed(key, expected: "arrays nested at most \(Self.depthLimit) deep", found: "more")
        }
        let type = try metadataType(key)
        let count = try integer(UInt64.self, "\(key) (its count)")
        let start = offset
        if let size = type.size {
            let (length, overflow) = count.multipliedReportingOverflow(by: UInt64(size))
            _ = try take(overflow ? .max : length, key)
            if type == .bool || type == .uint64 {
                // These can be wrong inside; better said now than when asked for.
                var check = ByteCursor(buffer, file: file, offset: start)
                for _ in 0..<count { _ = try check.metadataValue(type, key: key, owner: nil, depth: depth) }
            }
        } else {
            // Each element has at least eight bytes: a lying count ends at the end of the file, not in memory.
            for _ in 0..<count {
                if type == .string {
                    _ = try metadataString(key)
                } else {
                    _ = try metadataArray(key: key, owner: owner, depth: depth + 1)
                }
            }
        }
        let region = UnsafeRawBufferPointer(rebasing: buffer[start..<offset])
        // A buffer of no bytes may have no address.
        let base = region.baseAddress ?? buffer.baseAddress!
        return MetadataArray(
            count: Int(count), type: type, bytes: Bytes(base: base, count: region.count, owner: owner), file: file)
    }
}
