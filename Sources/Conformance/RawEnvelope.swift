/// Envelopes byte by byte, for what the generated messages cannot say: fields and bodies of a later version, and nonsense.
enum RawEnvelope {
    /// A field number that no version of the contract uses.
    static let unknownField = 1999

    static func varint(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// A length-delimited field.
    static func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
        varint(UInt64(number) << 3 | 2) + varint(UInt64(content.count)) + content
    }

    /// `protocol`, `epoch` and one more field, the body.
    static func envelope(epoch: UInt64, body number: Int, _ content: [UInt8], after: [UInt8] = []) -> [UInt8] {
        let little = (0..<8).map { UInt8(truncatingIfNeeded: epoch >> (8 * UInt64($0))) }
        return [0x08, 0x01, 0x11] + little + field(number, content) + after
    }

    /// Fields of every wire type, under numbers that nobody knows.
    static let unknownFields: [UInt8] =
        varint(UInt64(unknownField) << 3) + [0x2A]
        + field(unknownField + 1, Array("later".utf8))
        + varint(UInt64(unknownField + 2) << 3 | 5) + [1, 2, 3, 4]
        + varint(UInt64(unknownField + 3) << 3 | 1) + [1, 2, 3, 4, 5, 6, 7, 8]

    /// `google.protobuf.Struct` in `Struct`, `depth` times.
    static func nest(_ depth: Int) -> [UInt8] {
        var structure: [UInt8] = []
        for _ in 0..<depth {
            let value = field(5, structure)
            structure = field(1, field(1, [0x61]) + field(2, value))
        }
        return structure
    }
}
