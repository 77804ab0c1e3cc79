/// Writes JSON on one line with the keys in the order given. Text is always valid UTF-8 without control characters,
/// line separators or direction marks, so a line stays a line in every reader and on every terminal.
struct JSONWriter {
    private(set) var text = ""
    private var needsComma = false

    mutating func object(_ body: (inout JSONWriter) -> Void) { nest("{", "}", body) }
    mutating func array(_ body: (inout JSONWriter) -> Void) { nest("[", "]", body) }

    mutating func key(_ name: String) {
        separate()
        string(name)
        text += ":"
        needsComma = false
    }

    mutating func value(_ value: String?) {
        separate()
        if let value { string(value) } else { text += "null" }
        needsComma = true
    }

    mutating func value(_ value: Bool) { raw(value ? "true" : "false") }
    mutating func value(_ value: Int) { raw(String(value)) }
    mutating func value(_ value: UInt64) { raw(String(value)) }
    mutating func null() { raw("null") }

    /// A number rounded to `decimals` places, without trailing zeros; `null` if it is not finite.
    mutating func value(_ value: Double, decimals: Int) { raw(Self.number(value, decimals: decimals)) }

    mutating func value(_ value: OptionValue) {
        switch value {
        case .string(let text): self.value(text)
        case .bool(let bool): self.value(bool)
        case .number(let number):
            if let whole = Int(exactly: number) {
                self.value(whole)
            } else {
                raw(number.isFinite ? "\(number)" : "null")
            }
        case .list(let items): array { for item in items { $0.value(item) } }
        case .map(let pairs):
            object {
                for (name, item) in pairs.sorted(by: {
                    $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars)
                }) {
                    $0.key(name)
                    $0.value(item)
                }
            }
        }
    }

    static func number(_ value: Double, decimals: Int) -> String {
        guard value.isFinite else { return "null" }
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (value.magnitude * scale).rounded()
        guard scaled < 9e15 else { return "\(value)" }
        let (whole, fraction) = Int(scaled).quotientAndRemainder(dividingBy: Int(scale))
        var digits = String(fraction)
        digits = String(repeating: "0", count: decimals - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return digits.isEmpty ? "\(sign)\(whole)" : "\(sign)\(whole).\(digits)"
    }

    static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x22, 0x5C: return true
        case 0...0x1F, 0x7F...0x9F, 0x61C, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF: return true
        case 0xE0000...0xE007F: return true
        default: return scalar.value & 0xFFFE == 0xFFFE
        }
    }

    static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default:
            return String(scalar).utf16.map { unit in
                let digits = String(unit, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }.joined()
        }
    }

    private mutating func string(_ value: String) {
        text += "\""
        defer { text += "\"" }
        if value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) {
            text += value
            return
        }
        for scalar in value.unicodeScalars {
            if Self.needsEscape(scalar) {
                text += Self.escaped(scalar)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }

    private mutating func nest(_ open: String, _ close: String, _ body: (inout JSONWriter) -> Void) {
        separate()
        text += open
        needsComma = false
        body(&self)
        text += close
        needsComma = true
    }

    private mutating func raw(_ piece: String) {
        separate()
        text += piece
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { text += "," }
    }
}
