/// Where a byte-level BPE splits a text into words.
enum WordPattern: Sendable {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2
    /// Every character of the categories N* is a word of its own, and GPT-2's pattern sees what lies between them as
    /// separate texts: white space before a digit then counts as the end of a text.
    case digitsThenGPT2
    /// `WordPattern.llama3Text`
    case llama3
}

/// Splits UTF-8 text into words by a pattern, written out by hand.
struct WordSplitter {
    enum Kind { case letter, number, space, other, end }

    let text: UnsafeRawBufferPointer
    private let pattern: WordPattern
    private let splitsDigits: Bool
    private var at = 0

    /// `text` is valid UTF-8.
    init(_ text: UnsafeRawBufferPointer, _ pattern: WordPattern) {
        self.text = text
        self.pattern = pattern
        splitsDigits = pattern == .digitsThenGPT2
    }

    /// The next word's bytes; the words cover the text.
    mutating func next() -> Range<Int>? {
        guard at < text.count else { return nil }
        let start = at
        at = pattern == .llama3 ? llama3End(from: start) : end(from: start)
        return start..<at
    }

    private func end(from start: Int) -> Int {
        let (kind, after) = scalar(at: start)
        if splitsDigits, kind == .number { return after }
        if text[start] == UInt8(ascii: "'"), let end = contraction(from: start) { return end }
        if text[start] == UInt8(ascii: " ") {
            let (following, _) = scalar(at: after)
            if following == .letter || following == .other || following == .number && !splitsDigits {
                return run(of: following, from: after)
            }
        }
        guard kind == .space else { return run(of: kind, from: start) }
        return space(from: start)
    }

    /// White space up to the end of the text, or all but its last character if something follows, but at least one.
    private func space(from start: Int) -> Int {
        var (last, end) = (start, start)
        while true {
            let (kind, after) = scalar(at: end)
            if kind == .space {
                (last, end) = (end, after)
            } else if kind == .end || splitsDigits && kind == .number || last == start {
                return end
            } else {
                return last
            }
        }
    }

    func run(of kind: Kind, from start: Int) -> Int {
        var end = start
        while true {
            let (following, after) = scalar(at: end)
            if following != kind { return end }
            end = after
        }
    }

    private func contraction(from start: Int) -> Int? {
        func byte(_ offset: Int) -> UInt8 { start + offset < text.count ? text[start + offset] : 0 }
        switch (byte(1), byte(2)) {
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
            return start + 2
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 3
        default: return nil
        }
    }

    /// What stands at an offset, and the offset after it.
    func scalar(at offset: Int) -> (kind: Kind, after: Int) {
        guard offset < text.count else { return (.end, offset) }
        let first = text[offset]
        switch first {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): return (.letter, offset + 1)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return (.number, offset + 1)
        case 0x20, 0x09...0x0D: return (.space, offset + 1)
        case 0..<0x80: return (.other, offset + 1)
        default:
            let count = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
            var code = UInt32(first) & (0xFF >> UInt32(count + 1))
            for byte in text[offset + 1..<min(offset + count, text.count)] { code = code << 6 | UInt32(byte & 0x3F) }
            return (Unicode.Scalar(code).map(Self.kind) ?? .other, min(offset + count, text.count))
        }
    }

    private static func kind(_ scalar: Unicode.Scalar) -> Kind {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: .letter
        case .decimalNumber, .letterNumber, .otherNumber: .number
        default: scalar.properties.isWhitespace ? .space : .other
        }
    }
}
