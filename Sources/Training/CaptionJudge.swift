/// Says how good a caption is: what the learner of drawn captions is rewarded by, and what validation counts.
public protocol CaptionJudge {
    /// Of the caption `tokens`, its end included if it has one, for the picture `index` of a source or of a validation
    /// set; higher is better.
    func score(_ tokens: [Int], picture index: Int) -> Double
}
