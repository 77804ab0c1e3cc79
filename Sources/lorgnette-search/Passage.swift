/// Something that a search can find: a paragraph, short enough to stand in a prompt.
struct Passage: Equatable, Sendable {
    /// Longer paragraphs are broken, at the end of a sentence or a word where there is one.
    static let longest = 600

    /// On one line, spaces single.
    let text: String
    /// What it stands under; empty if nothing.
    let heading: String
    /// Path below the folder of notes, or the name of a file of results.
    let file: String
    /// From 1.
    let line: Int
    /// SHA-256 of the picture that it describes, in hexadecimal digits; empty for a note.
    var picture = ""

    /// Spaces single, ends trimmed.
    static func onOneLine(_ text: some StringProtocol) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// Pieces of at most ``longest`` characters.
    static func pieces(_ text: String) -> [String] {
        var pieces: [String] = []
        var rest = Array(text)[...]
        while rest.count > longest {
            let head = rest.prefix(longest)
            let second = head.suffix(longest / 2)
            let end =
                second.lastIndex { ".!?。！？".contains($0) }.map { $0 + 1 } ?? second.lastIndex(of: " ") ?? head.endIndex
            pieces.append(String(rest[..<end]))
            rest = rest[end...].drop { $0 == " " }
        }
        if !rest.isEmpty { pieces.append(String(rest)) }
        return pieces
    }
}
