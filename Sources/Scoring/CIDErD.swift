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
        let corpus = Corpus(cases.map(\.references))
        let scores = cases.enumerated().map { corpus.score($1.candidate, picture: $0) }
        return scores.reduce(0, +) / Double(cases.count)
    }

    /// What people wrote about a set of pictures, ready to score many captions of each.
    public struct Corpus: Sendable {
        private let pictures: [ArraySlice<String>: Int]
        private let whole: Double
        private let references: [[Vector]]

        /// - Parameter references: for each picture what people wrote about it, as words.
        public init(_ references: [[[String]]]) {
            let counts = references.map { $0.map { grams($0, longest: longest) } }
            var pictures: [ArraySlice<String>: Int] = [:]
            for counts in counts {
                for gram in Set(counts.flatMap(\.keys)) { pictures[gram, default: 0] += 1 }
            }
            let whole = log(Double(references.count))
            self.references = counts.map { $0.map { Vector($0, longest: longest, pictures, whole) } }
            (self.pictures, self.whole) = (pictures, whole)
        }

        /// Of a caption's words for one of the pictures, between 0 and 10.
        public func score(_ words: [String], picture: Int) -> Double {
            let candidate = Vector(grams(words, longest: longest), longest: longest, pictures, whole)
            let sum = references[picture].reduce(0) { $0 + similarity(candidate, $1) }
            return 10 * sum / Double(longest) / Double(references[picture].count)
        }
    }

    /// Of one text: weights of its runs of words, and their norms by length.
    fileprivate struct Vector: Sendable {
        var weights: [ArraySlice<String>: Double]
        var norms: [Double]
        /// In pairs of words, one fewer than words.
        var length = 0

        /// Weights are counts times the logarithm of how rare a run is: among `whole` (its logarithm) pictures, those
        /// whose references have it.
        init(
            _ counts: [ArraySlice<String>: Int], longest: Int, _ pictures: [ArraySlice<String>: Int], _ whole: Double
        ) {
            weights = Dictionary(minimumCapacity: counts.count)
            norms = [Double](repeating: 0, count: longest)
            for (gram, count) in counts {
                let weight = Double(count) * (whole - log(Double(max(1, pictures[gram] ?? 0))))
                weights[gram] = weight
                norms[gram.count - 1] += weight * weight
                if gram.count == 2 { length += count }
            }
            norms = norms.map { $0.squareRoot() }
        }
    }

    /// The sum over lengths of runs.
    fileprivate static func similarity(_ candidate: Vector, _ reference: Vector) -> Double {
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
