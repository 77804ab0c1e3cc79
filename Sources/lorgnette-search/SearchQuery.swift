/// Words to look for, from texts that nobody vouches for: letters and digits alone get through, so nothing in them can be
/// taken for a search engine's own language.
struct SearchQuery: Equatable {
    /// More than these say nothing new, and the first ones are the question's.
    static let mostWords = 128

    /// Each once, in order, in lower case, without stop words.
    let words: [String]

    init(_ texts: [String]) {
        var words: [String] = []
        var seen: Set<String> = []
        for text in texts {
            for word in Self.words(of: text.lowercased())
            where !Self.stopWords.contains(word) && seen.insert(word).inserted {
                if words.count < Self.mostWords { words.append(word) }
            }
        }
        self.words = words
    }

    /// For FTS5's MATCH: any of the words, each quoted.
    var expression: String { words.map { "\"\(Self.spaced($0))\"" }.joined(separator: " OR ") }

    /// Letters of scripts without spaces between words stand alone, in the index as well as in a query, where the words are
    /// pairs of them.
    static func spaced(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnspaced) else { return text }
        var out = ""
        for scalar in text.unicodeScalars {
            if isUnspaced(scalar) { out += " \(scalar) " } else { out.unicodeScalars.append(scalar) }
        }
        return out.split(separator: " ").joined(separator: " ")
    }

    private static func words(of text: String) -> [String] {
        var words: [String] = []
        for run in text.unicodeScalars.split(whereSeparator: { !isOfWord($0) }) {
            var rest = run[...]
            while let first = rest.first {
                let isUnspaced = isUnspaced(first)
                let piece = rest.prefix { Self.isUnspaced($0) == isUnspaced }
                rest = rest.dropFirst(piece.count)
                if isUnspaced {
                    words += pairs(Array(piece))
                } else if (2...64).contains(piece.count) {
                    words.append(String(piece))
                }
            }
        }
        return words
    }

    private static func pairs(_ letters: [Unicode.Scalar]) -> [String] {
        guard letters.count > 1 else { return letters.map(String.init) }
        return zip(letters, letters.dropFirst()).map { "\($0)\($1)" }
    }

    private static func isOfWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.properties.isAlphabetic { return true }
        switch scalar.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber, .nonspacingMark, .spacingMark: return true
        default: return false
        }
    }

    private static func isUnspaced(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isIdeographic || (0x3040...0x30FF).contains(scalar.value)
    }

    /// Words that are in every text, and those by which people ask about pictures.
    static let stopWords: Set<String> = Set(
        """
        about above after again all also am an and any are as at be because been before being below between both but by can
        could did do does doing down during each few for from further had has have having he her here hers him his how i if in
        into is it its just me more most my no nor not now of off on once one only or other our out over own same she should so
        some such than that the their them then there these they this those through to too under until up upon us very was we
        were what when where which while who whom whose why will with would you your
        answer describe describes find image images list mentioned name names photo photos picture pictures question say says
        see seen sentence sentences shown shows tell text word words
        """.split(whereSeparator: \.isWhitespace).map(String.init))
}
