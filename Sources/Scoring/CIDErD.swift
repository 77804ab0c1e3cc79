import Glibc

/// CIDEr-D (Vedantam et al. 2015) as the COCO evaluation code computes it: runs of one to four words weigh the more the
/// fewer pictures' references have them; a caption scores by the clipped cosine to each reference.
public enum CIDErD {
    private static let longest = 4
    /// Of the penalty for another length.
    private static let sigma = 6.0

    /// The mean over all cases, each between 0 and 10; 0 of no cases. References of all cases say which words are common,
    /// so a case scores differently in another company.
    public static func score(_ cases: [CaptionCase]) -> Double {
        if cases.isEmpty { return 0 }
        let references = cases.map { $0.references.map { grams($0, longest: longest) } }
        var pictures: [ArraySlice<String>: Int] = [:]
        for counts in references {
            for gram in Set(counts.flatMap(\.keys)) { pictures[gram, default: 0] += 1 }
        }
        let whole = log(Double(cases.count))
        func vector(_ counts: [ArraySlice<String>: Int]) -> Vector {
            Vector(counts, longest: longest) { whole - log(Double(max(1, pictures[$0] ?? 0))) }
        }
        let scores = zip(cases, references).map { example, references in
            let candidate = vector(grams(example.candidate, longest: longest))
            let sum = references.reduce(0) { $0 + similarity(candidate, vector($1)) }
            return 10 * sum / Double(longest) / Double(references.count)
        }
        return scores.reduce(0, +) / Double(cases.count)
    }

    /// Of one text: weights of its runs of words, and their norms by length.
    private struct Vector {
        var weights: [ArraySlice<String>: Double]
        var norms: [Double]
        /// In pairs of words, one fewer than words.
        var length = 0

        init(_ counts: [ArraySlice<String>: Int], longest: Int, rarity: (ArraySlice<String>) -> Double) {
            weights = Dictionary(minimumCapacity: counts.count)
            norms = [Double](repeating: 0, count: longest)
            for (gram, count) in counts {
                let weight = Double(count) * rarity(gram)
                weights[gram] = weight
                norms[gram.count - 1] += weight * weight
                if gram.count == 2 { length += count }
            }
            norms = norms.map { $0.squareRoot() }
        }
    }

    /// The sum over lengths of runs.
    private static func similarity(_ candidate: Vector, _ reference: Vector) -> Double {
        var dots = [Double](repeating: 0, count: longest)
        for (gram, weight) in candidate.weights {
            guard let other = reference.weights[gram] else { continue }
            dots[gram.count - 1] += min(weight, other) * other
        }
        let difference = Double(candidate.length - reference.length)
        let penalty = exp(-difference * difference / (2 * sigma * sigma))
        return zip(dots, zip(candidate.norms, reference.norms)).reduce(0) { sum, pair in
            let (dot, (a, b)) = pair
            return sum + (a != 0 && b != 0 ? dot / (a * b) : dot) * penalty
        }
    }
}
