/// Text that somebody else wrote, made fit to stand in a prompt: it cannot end its fence, start a new line,
/// pass for a model's control token or hide from a person who reads it.
enum FoundText {
    /// On one line, spaces single, without what cannot be seen; `<` and `>` become `‹` and `›`, so that `<|im_end|>`,
    /// `</s>` and the like are plain words; runs of a fence's characters are cut to two,
    /// heaps of accents to four.
    static func clean(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        var run = 0
        var accents = 0
        for scalar in text.unicodeScalars where !isHidden(scalar) {
            let next = visible(scalar)
            if next == " " {
                run = 0
                if out.last != nil, out.last != " " { out.append(" ") }
                continue
            }
            accents = isAccent(scalar) ? accents + 1 : 0
            if accents > 4 { continue }
            run = out.last == next ? run + 1 : 1
            if run > 2, isFence(next) { continue }
            out.append(next)
        }
        if out.last == " " { out.removeLast() }
        return withoutRoles(String(out))
    }

    /// `[INST]` and `[/INST]` are words to LLaMA 2's chat models, not tokens, and yet they are obeyed.
    private static func withoutRoles(_ text: String) -> String {
        guard text.contains("[") else { return text }
        var out = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "[") {
            out += rest[..<open]
            let word = rest[open...].dropFirst().prefix { $0 != "]" && $0 != "[" }
            let name = word.drop { $0 == "/" || $0 == " " }.uppercased()
            let isRole = ["INST", "SYS", "SYSTEM", "USER", "ASSISTANT"].contains {
                name.hasPrefix($0) && name.count <= $0.count + 2
            }
            if isRole, word.endIndex < rest.endIndex, rest[word.endIndex] == "]" {
                out += "⟦\(word)⟧"
                rest = rest[rest.index(after: word.endIndex)...]
            } else {
                out += "["
                rest = rest[rest.index(after: open)...]
            }
        }
        return out + rest
    }

    private static func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar {
        case "<", "\u{FF1C}", "\u{FE64}": return "\u{2039}"
        case ">", "\u{FF1E}", "\u{FE65}": return "\u{203A}"
        default: return scalar.properties.isWhitespace ? " " : scalar
        }
    }

    private static func isAccent(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x300 else { return false }
        return scalar.properties.generalCategory == .nonspacingMark
            || scalar.properties.generalCategory == .enclosingMark
    }

    private static func isFence(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "`", "~", "\"", "'", "#", "=", "-", "_", "*", "|", "+", "\u{2039}", "\u{203A}": return true
        default: return false
        }
    }

    /// Control characters (white space apart), direction marks, zero-width and tag characters, selectors, non-characters.
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x85: return false
        case 0x20...0x7E: return false
        case 0x00...0x1F, 0x7F...0x9F, 0xAD, 0x61C, 0x115F, 0x1160, 0x180B...0x180F, 0x200B, 0x200E, 0x200F: return true
        case 0x202A...0x202E, 0x2060...0x206F, 0x3164, 0xFEFF, 0xFFA0, 0xFFF9...0xFFFB, 0xFDD0...0xFDEF: return true
        case 0xE0000...0xE0FFF: return true
        default: return scalar.value & 0xFFFE == 0xFFFE
        }
    }
}
