import Glibc

/// BLEU over a whole set of captions (Papineni et al. 2002), as the COCO evaluation code computes it: the counts of all
/// captions are added before precisions are taken, and the brevity penalty uses the reference nearest in length.
public enum BLEU {
    /// Between 0 and 1; 0 of no cases. `order` is the longest run of words that counts.
    public static func score(_ cases: [CaptionCase], order: Int = 4) -> Double {
        var correct = [Double](repeating: 0, count: order)
        var guessed = correct
        var (length, nearest) = (0, 0)
        for example in cases {
            let words = example.candidate.count
            length += words
            nearest += example.references.map(\.count).min { (abs($0 - words), $0) < (abs($1 - words), $1) } ?? 0
            let most = example.references.map { grams($0, longest: order) }.reduce(into: [:]) { most, counts in
                most.merge(counts, uniquingKeysWith: max)
            }
            for (gram, count) in grams(example.candidate, longest: order) {
                correct[gram.count - 1] += Double(min(count, most[gram] ?? 0))
            }
            for n in 1...order { guessed[n - 1] += Double(max(0, words - n + 1)) }
        }
        // The small numbers are the COCO code's: nothing is divided by nothing.
        var product = 1.0
        for n in 0..<order { product *= (correct[n] + 1e-15) / (guessed[n] + 1e-9) }
        let ratio = (Double(length) + 1e-15) / (Double(nearest) + 1e-9)
        return pow(product, 1 / Double(order)) * (ratio < 1 ? exp(1 - 1 / ratio) : 1)
    }
}
