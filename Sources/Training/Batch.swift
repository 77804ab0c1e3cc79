import Tensors

/// What a model learns from: a prompt and one or more continuations of it, with a picture's features or without.
///
/// Continuations share the prompt's (and the picture's) computation: five captions of a picture cost it once.
public struct Example: Sendable {
    /// Visual features [N, C]; nil without a picture.
    public var features: Tensor?
    /// Tokens that are read but not learned; at least one.
    public var prompt: [Int]
    /// Tokens that are learned, what ends them included.
    public var continuations: [[Int]]
    /// How much each continuation's loss counts, and below zero what is unlearned; nil: one each.
    public var weights: [Float]?

    public init(features: Tensor? = nil, prompt: [Int], continuations: [[Int]], weights: [Float]? = nil) {
        precondition(weights == nil || weights?.count == continuations.count, "a weight for each continuation")
        self.features = features
        self.prompt = prompt
        self.continuations = continuations
        self.weights = weights
    }

    /// Tokens that are learned.
    public var targetCount: Int { continuations.reduce(0) { $0 + $1.count } }
}

/// Examples laid out as rows that go through the model together.
///
/// An example's rows are its prompt, then its continuations one after another, each without its last token, which
/// nothing follows. A continuation sees the prompt and itself; its positions go on from the prompt's.
struct Batch {
    /// Rows that see themselves causally, and all rows of a prompt before them.
    struct Segment {
        let start: Int
        let rows: Int
        let promptStart: Int
        let promptRows: Int
        /// First of its rows · (promptRows + rows) probabilities among those of a head.
        let probability: Int
    }

    /// A row whose next token is learned.
    struct Target {
        let row: Int
        let token: Int
        let weight: Float
    }

    let tokens: [Int]
    let positions: [Int]
    /// The rows of each example, and its segments.
    let examples: [(rows: Range<Int>, segments: [Segment])]
    let features: [Tensor]
    /// In the order of their rows; a prompt's last row has one for each continuation.
    let targets: [Target]
    /// Attention probabilities of one head.
    let probabilities: Int

    var rows: Int { tokens.count }

    /// All examples have features, or none has.
    init(_ list: [Example]) {
        var tokens: [Int] = []
        var positions: [Int] = []
        var examples: [(Range<Int>, [Segment])] = []
        var targets: [Target] = []
        var probabilities = 0
        for example in list {
            let (first, length) = (tokens.count, example.prompt.count)
            precondition(length > 0, "an example has a prompt")
            var segments = [
                Segment(start: first, rows: length, promptStart: first, promptRows: 0, probability: probabilities)
            ]
            probabilities += length * length
            tokens += example.prompt
            positions += 0..<length
            for (number, continuation) in example.continuations.enumerated() {
                guard let next = continuation.first else { continue }
                let weight = example.weights?[number] ?? 1
                targets.append(Target(row: first + length - 1, token: next, weight: weight))
                let (start, rows) = (tokens.count, continuation.count - 1)
                for (i, token) in continuation.dropFirst().enumerated() {
                    targets.append(Target(row: start + i, token: token, weight: weight))
                }
                guard rows > 0 else { continue }
                tokens += continuation.dropLast()
                positions += length..<length + rows
                segments.append(
                    Segment(
                        start: start, rows: rows, promptStart: first, promptRows: length, probability: probabilities))
                probabilities += rows * (length + rows)
            }
            examples.append((first..<tokens.count, segments))
        }
        (self.tokens, self.positions, self.examples) = (tokens, positions, examples)
        self.targets = targets.sorted { $0.row < $1.row }
        self.probabilities = probabilities
        features = list.compactMap(\.features)
        precondition(features.isEmpty || features.count == list.count, "a batch has features for all or for none")
    }

    /// One row for each text that goes on, `rows` for each example, at the same position behind its prompt.
    init(step tokens: [Int], positions: [Int], rows: [Range<Int>]) {
        (self.tokens, self.positions) = (tokens, positions)
        examples = rows.map { ($0, []) }
        (features, targets, probabilities) = ([], [], 0)
    }

    var hasPictures: Bool { !features.isEmpty }
    /// Positions that a rotary table must have.
    var length: Int { (positions.max() ?? 0) + 1 }
}
