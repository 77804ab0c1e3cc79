/// A caption to be judged and what people wrote about the same picture, as words.
public struct CaptionCase: Sendable {
    public let candidate: [String]
    /// At least one.
    public let references: [[String]]

    /// Splits the texts with `CaptionTokenizer`; nil without references, for there is nothing to compare with.
    public init?(_ caption: String, references: [String]) {
        if references.isEmpty { return nil }
        candidate = CaptionTokenizer.words(caption)
        self.references = references.map(CaptionTokenizer.words)
    }

    private init(_ candidate: [String], _ references: [[String]]) {
        self.candidate = candidate
        self.references = references
    }

    /// Another caption with the same references.
    public func judging(_ caption: String) -> CaptionCase {
        CaptionCase(CaptionTokenizer.words(caption), references)
    }
}

/// How often each run of 1 to `longest` words occurs.
func grams(_ words: [String], longest: Int = 4) -> [ArraySlice<String>: Int] {
    var counts: [ArraySlice<String>: Int] = [:]
    for length in 1...longest where length <= words.count {
        for start in 0...words.count - length { counts[words[start..<start + length], default: 0] += 1 }
    }
    return counts
}
