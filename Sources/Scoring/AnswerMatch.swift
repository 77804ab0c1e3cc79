/// Whether an answer is the one that was expected.
///
/// Both are compared without regard to case, white space, punctuation at the ends, and articles. Signs of money and the
/// like are no punctuation.
public struct AnswerMatch: Sendable {
    /// The answer is the expected one and nothing else: a sentence around it does not count.
    public let isExact: Bool
    /// The expected answer stands in the answer as whole words: "5" is not in "15", nor in "5.40".
    public let contains: Bool

    public init(_ answer: String, expected: String) {
        let (answer, expected) = (Self.normal(answer), Self.normal(expected))
        isExact = answer == expected
        contains = isExact || Self.contains(answer, expected)
    }

    /// The form in which answers are compared: each scalar of the text in lower case, words one space apart.
    static func normal(_ text: String) -> [Unicode.Scalar] {
        var scalars = Array(text.lowercased().unicodeScalars)[...]
        while let last = scalars.last, isEdge(last) { scalars.removeLast() }
        scalars = scalars.drop(while: isEdge)
        let words = scalars.split(whereSeparator: \.properties.isWhitespace)
        let kept = words.filter { !["a", "an", "the"].contains(String(String.UnicodeScalarView($0))) }
        return Array(kept.joined(separator: [" "]))
    }

    private static func isEdge(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.properties.isWhitespace { return true }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            // Percent and the like belong to what they stand beside.
            return !["%", "‰", "#", "&", "@"].contains(scalar)
        default: return scalar == "`"
        }
    }

    private static func contains(_ text: [Unicode.Scalar], _ part: [Unicode.Scalar]) -> Bool {
        guard !part.isEmpty, text.count >= part.count else { return false }
        return (0...text.count - part.count).contains { start in
            let end = start + part.count
            return text[start..<end].elementsEqual(part) && isBoundary(text[..<start].reversed(), beside: part[0])
                && isBoundary(text[end...], beside: part[part.count - 1])
        }
    }

    /// Whether what goes on from a match, away from it, does not go on with its word or number.
    private static func isBoundary(_ rest: some Sequence<Unicode.Scalar>, beside edge: Unicode.Scalar) -> Bool {
        let next = Array(rest.prefix(2))
        guard let first = next.first, isPart(edge) else { return true }
        if isPart(first) { return false }
        return !(next.count == 2 && [".", ",", ":"].contains(first) && isDigit(edge) && isDigit(next[1]))
    }

    private static func isPart(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isAlphabetic || isDigit(scalar) }
    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.numericType != nil }
}
