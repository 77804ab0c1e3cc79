/// Walks the fields of one protobuf message in untrusted bytes, without a schema and without copying.
///
/// Source: the protocol buffers' encoding (varint, 64-bit, length-delimited, 32-bit). Groups are refused.
public struct ProtobufReader {
    public enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        /// A string, bytes, a message or packed numbers; valid while the message's memory is.
        case bytes(UnsafeRawBufferPointer)
    }

    private var cursor: ByteCursor
    private let message: String

    /// `message` says in errors which message this is.
    public init(_ bytes: UnsafeRawBufferPointer, file: String, message: String) {
        cursor = ByteCursor(bytes, file: file)
        self.message = message
    }

    /// The next field; nil at the end.
    public mutating func next() throws(CheckpointError) -> (field: Int, value: Value)? {
        guard cursor.remaining > 0 else { return nil }
        let tag = try varint()
        let field = tag >> 3
        guard field > 0, field < 1 << 29 else { throw malformed("a field number", "\(field)") }
        switch tag & 7 {
        case 0: return (Int(field), .varint(try varint()))
        case 1: return (Int(field), .fixed64(try cursor.integer(UInt64.self, message)))
        case 2:
            let count = try varint()
            return (Int(field), .bytes(try cursor.take(count, "\(message), field \(field)")))
        case 5: return (Int(field), .fixed32(try cursor.integer(UInt32.self, message)))
        default: throw malformed("a wire type of 0, 1, 2 or 5 in field \(field)", "\(tag & 7)")
        }
    }

    /// The next varint, for packed numbers; nil at the end.
    public mutating func nextPacked() throws(CheckpointError) -> UInt64? {
        cursor.remaining > 0 ? try varint() : nil
    }

    private mutating func varint() throws(CheckpointError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            let byte = try cursor.integer(UInt8.self, message)
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 {
                if shift == 63, byte > 1 { break }
                return value
            }
        }
        throw malformed("a varint of at most 64 bits", "a longer one")
    }

    func malformed(_ expected: String, _ found: String) -> CheckpointError {
        cursor.malformed("\(message), byte \(cursor.offset)", expected: expected, found: found)
    }
}

extension ProtobufReader.Value {
    /// A repeated integer field's values, packed or single, appended to `values`.
    func integers(into values: inout [Int64], file: String, message: String) throws(CheckpointError) {
        switch self {
        case .varint(let value): values.append(Int64(bitPattern: value))
        case .bytes(let bytes):
            var reader = ProtobufReader(bytes, file: file, message: message)
            while let value = try reader.nextPacked() { values.append(Int64(bitPattern: value)) }
        default: throw .malformed(file: file, key: message, expected: "integers", found: "a fixed-size number")
        }
    }

    /// A string field's text, repaired if it is not UTF-8; nil if the field is not length-delimited.
    public var text: String? {
        if case .bytes(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil }
    }
}
