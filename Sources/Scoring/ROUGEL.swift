/// ROUGE-L (Lin 2004) as the COCO evaluation code computes it: the longest common subsequence of words, its best
/// precision and best recall over all references, and their F-measure with β = 1.2.
public enum ROUGEL {
    /// The mean over all cases, between 0 and 1; 0 of no cases.
    public static func score(_ cases: [CaptionCase]) -> Double {
        cases.isEmpty ? 0 : cases.reduce(0) { $0 + score($1) } / Double(cases.count)
    }

    private static func score(_ example: CaptionCase) -> Double {
        // The COCO code takes an empty text for one empty word.
        let candidate = example.candidate.isEmpty ? [""] : example.candidate
        var (precision, recall) = (0.0, 0.0)
        for words in example.references {
            let reference = words.isEmpty ? [""] : words
            let common = Double(longestCommon(candidate, reference))
            precision = max(precision, common / Double(candidate.count))
            recall = max(recall, common / Double(reference.count))
        }
        if precision == 0 || recall == 0 { return 0 }
        let square = 1.2 * 1.2
        return (1 + square) * precision * recall / (recall + square * precision)
    }

    /// The length of the longest sequence of words that both have in this order, not necessarily side by side.
    private static func longestCommon(_ a: [String], _ b: [String]) -> Int {
        var lengths = [Int](repeating: 0, count: b.count + 1)
        for word in a {
            var diagonal = 0
            for (j, other) in b.enumerated() {
                let above = lengths[j + 1]
                lengths[j + 1] = word == other ? diagonal + 1 : max(above, lengths[j])
                diagonal = above
            }
        }
        return lengths[b.count]
    }
}
