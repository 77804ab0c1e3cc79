import Models
import Scoring
import Training

/// Scores captions by CIDEr-D against what people wrote.
struct CaptionScores: CaptionJudge {
    private let corpus: CIDErD.Corpus
    private let language: LanguageModel
    private let stop: Int
    private let countsEnd: Bool

    /// The word that stands for a caption's end.
    private static let end = "</s>"

    /// - Parameter countsEnd: the end is a word like the others. Where captions are learned by their scores it must be:
    ///   else the best caption is one that breaks off where the next word is unsure.
    init(_ captions: [[String]], _ writing: PromptWriting, countsEnd: Bool) {
        corpus = CIDErD.Corpus(captions.map { $0.map { CaptionTokenizer.words($0) + (countsEnd ? [Self.end] : []) } })
        (language, stop, self.countsEnd) = (writing.language, writing.stop, countsEnd)
    }

    /// A weight for each caption of each picture, 1 in the mean over all: as much as it is like the picture's other
    /// captions, by `share`; the rest is the same for all.
    static func consensus(_ captions: [[String]], _ share: Float) -> [[Float]] {
        let words = captions.map { $0.map(CaptionTokenizer.words) }
        let corpus = CIDErD.Corpus(words)
        // A caption is among the references that it is measured by, where it scores 10 of 10.
        let scores = words.enumerated().map { picture, captions in
            captions.map { caption in
                (corpus.score(caption, picture: picture) * Double(captions.count) - 10)
                    / Double(max(1, captions.count - 1))
            }
        }
        let mean = scores.joined().reduce(0, +) / Double(max(1, scores.joined().count))
        return scores.map { $0.map { 1 - share + share * Float($0 / max(mean, 1e-6)) } }
    }

    func score(_ tokens: [Int], picture index: Int) -> Double {
        let hasEnd = tokens.last == stop
        let text = language.tokenizer.decode(hasEnd ? Array(tokens.dropLast()) : tokens)
        return corpus.score(
            CaptionTokenizer.words(text) + (hasEnd && countsEnd ? [Self.end] : []), picture: index)
    }
}
