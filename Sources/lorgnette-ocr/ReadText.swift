/// A rectangle in whole pixels of the upright picture.
struct TextBox: Equatable, Sendable {
    var x, y, width, height: Int

    /// The smallest rectangle around both.
    func union(_ other: TextBox) -> TextBox {
        let left = min(x, other.x)
        let top = min(y, other.y)
        return TextBox(
            x: left, y: top, width: max(x + width, other.x + other.width) - left,
            height: max(y + height, other.y + other.height) - top)
    }

    /// The part inside a picture of `width` × `height`; at least one pixel.
    func clamped(width pictureWidth: Int, height pictureHeight: Int) -> TextBox {
        let left = min(max(x, 0), pictureWidth - 1)
        let top = min(max(y, 0), pictureHeight - 1)
        let right = min(max(x + width, left + 1), pictureWidth)
        let bottom = min(max(y + height, top + 1), pictureHeight)
        return TextBox(x: left, y: top, width: right - left, height: bottom - top)
    }
}

struct TextWord: Equatable, Sendable {
    var text: String
    var box: TextBox
    /// 0…1.
    var confidence: Float

    /// Letters and digits, of any script.
    var letters: Int { text.unicodeScalars.count { $0.properties.isAlphabetic || $0.properties.numericType != nil } }

    /// Characters of scripts that write no spaces between words.
    var isIdeographic: Bool {
        text.unicodeScalars.contains { $0.properties.isIdeographic || (0x3040...0x30FF).contains($0.value) }
    }
}

struct TextLine: Equatable, Sendable {
    /// At least one, in reading order.
    var words: [TextWord]

    var box: TextBox { words.dropFirst().reduce(words[0].box) { $0.union($1.box) } }

    /// Mean of the words' confidences, each counted by its characters.
    var confidence: Float { ReadText.confidence(words) }

    var letters: Int { words.reduce(0) { $0 + $1.letters } }

    /// Whether some of it cannot be an accident: a word of three letters, a shorter one that is beyond doubt, or
    /// several characters of a script in which a word may be one.
    var isSure: Bool {
        if words.contains(where: { $0.letters >= 3 && $0.confidence >= 0.7 || $0.letters >= 2 && $0.confidence >= 0.9 }) {
            return true
        }
        return words.reduce(0) { $0 + ($1.isIdeographic && $1.confidence >= 0.8 ? $1.letters : 0) } >= 2
    }

    /// The words with spaces between them, except inside scripts that write none.
    var text: String {
        var text = ""
        var previous: TextWord?
        for word in words {
            if let previous, !(previous.isIdeographic && word.isIdeographic) { text += " " }
            text += word.text
            previous = word
        }
        return text
    }
}

/// What was read in a picture: lines in reading order, none where there is no text.
struct ReadText: Equatable, Sendable {
    var lines: [TextLine]

    /// Lines joined by newlines.
    var text: String { lines.map(\.text).joined(separator: "\n") }

    /// Mean over all words, each counted by its characters; 0 without words.
    var confidence: Float { Self.confidence(lines.flatMap(\.words)) }

    /// How much was read, and how surely: a measure to choose between two readings of the same picture.
    var evidence: Float {
        lines.flatMap(\.words).reduce(0) { $0 + Float($1.letters) * $1.confidence * $1.confidence }
    }

    static func confidence(_ words: [TextWord]) -> Float {
        let weights = words.map { Float($0.text.count) }
        let total = weights.reduce(0, +)
        return total > 0 ? zip(words, weights).reduce(0) { $0 + $1.0.confidence * $1.1 } / total : 0
    }

    /// The reading without what is noise: words under `minimum`, lines in which nothing was read surely, single
    /// characters except on a page that was read well. Textures yield short words of middling confidence; text does not.
    func gated(minimum: Float) -> ReadText {
        let lines = lines.compactMap { line -> TextLine? in
            let words = line.words.filter { $0.confidence >= minimum }
            return words.contains { $0.letters > 0 } ? TextLine(words: words) : nil
        }
        let sure = lines.filter(\.isSure)
        let letters = sure.reduce(0) { $0 + $1.letters }
        guard letters >= 20, Self.confidence(sure.flatMap(\.words)) >= 0.8 else { return ReadText(lines: sure) }
        return ReadText(lines: lines.filter { $0.isSure || $0.confidence >= 0.8 })
    }
}
