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

    func score(_ tokens: [Int], picture index: Int) -> Double {
        let hasEnd = tokens.last == stop
        let text = language.tokenizer.decode(hasEnd ? Array(tokens.dropLast()) : tokens)
        return corpus.score(
            CaptionTokenizer.words(text) + (hasEnd && countsEnd ? [Self.end] : []), picture: index)
    }
}
