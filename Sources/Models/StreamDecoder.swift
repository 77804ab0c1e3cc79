/// Turns a stream of tokens into text as it comes, holding back the bytes of a character that is not yet whole.
/// Special tokens give nothing.
public struct StreamDecoder: Sendable {
    private let tokenizer: any Tokenizer
    private var pending: [UInt8] = []

    public init(_ tokenizer: any Tokenizer) { self.tokenizer = tokenizer }

    /// The text that this token completes; often empty, never half a character. Bytes that cannot become a character
    /// are U+FFFD.
    public mutating func push(_ id: Int) -> String {
        guard !tokenizer.isSpecial(id) else { return "" }
        pending += tokenizer.bytes(of: id)
        let held = UTF8Length.unfinished(pending)
        let text = String(decoding: pending.dropLast(held), as: UTF8.self)
        pending.removeFirst(pending.count - held)
        return text
    }

    /// What is left at the end of the stream: U+FFFD for a character that never became whole.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }
}

/// Where characters of UTF-8 begin and end in bytes that may not be UTF-8 (RFC 3629, table of well-formed sequences).
enum UTF8Length {
    /// Bytes of the whole character that `bytes` begins with; 0 if it begins with none.
    static func whole(_ bytes: some RandomAccessCollection<UInt8>) -> Int {
        let (length, valid) = prefix(bytes)
        return length == valid ? length : 0
    }

    /// Bytes at the end that begin a character and may yet become one.
    static func unfinished(_ bytes: [UInt8]) -> Int {
        for count in stride(from: 1, through: min(3, bytes.count), by: 1) {
            let (length, valid) = prefix(bytes.suffix(count))
            if length > valid, valid == count { return count }
        }
        return 0
    }

    /// The length that the first byte announces (0 if it announces none), and how many bytes of it are there and right.
    private static func prefix(_ bytes: some RandomAccessCollection<UInt8>) -> (length: Int, valid: Int) {
        guard let lead = bytes.first else { return (0, 0) }
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0..<0x80: return (1, 1)
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return (0, 1)
        }
        var valid = 1
        for byte in bytes.dropFirst().prefix(length - 1) {
            guard (valid == 1 ? second : 0x80...0xBF).contains(byte) else { break }
            valid += 1
        }
        return (length, valid)
    }
}
