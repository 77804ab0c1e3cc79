/// A word of a line, with its place in the upright picture.
public struct TextWord: Sendable, Codable, Hashable {
    public var text: String
    /// x, y, width, height in pixels.
    public var box: [Int]
    /// 0…1
    public var confidence: Float

    public init(text: String, box: [Int], confidence: Float) {
        self.text = text
        self.box = box
        self.confidence = confidence
    }
}

/// A line of text, with its place in the upright picture.
public struct TextLine: Sendable, Codable, Hashable {
    public var text: String
    /// x, y, width, height in pixels.
    public var box: [Int]
    /// 0…1
    public var confidence: Float
    public var words: [TextWord]?

    public init(text: String, box: [Int], confidence: Float, words: [TextWord]? = nil) {
        self.text = text
        self.box = box
        self.confidence = confidence
        self.words = words
    }
}

/// What a token budget left out of a stage's words.
public struct Cut: Sendable, Codable, Hashable {
    public var stage: String
    public var lines: Int
    public var tokens: Int

    public init(stage: String, lines: Int, tokens: Int) {
        self.stage = stage
        self.lines = lines
        self.tokens = tokens
    }
}

/// How a text was generated.
public struct Generation: Sendable, Codable, Hashable {
    public var tokens: Int
    /// `stop` or `length`
    public var finish: String
    public var cut: [Cut]
    public var seed: UInt64
    public var promptTokens: Int
    /// Stages whose words or features reached the model.
    public var used: [String]

    public init(
        tokens: Int, finish: String, cut: [Cut] = [], seed: UInt64 = 0, promptTokens: Int = 0, used: [String] = []
    ) {
        self.tokens = tokens
        self.finish = finish
        self.cut = cut
        self.seed = seed
        self.promptTokens = promptTokens
        self.used = used
    }
}

/// What the decoder learned of a picture.
public struct PictureFacts: Sendable, Codable, Hashable {
    /// `jpeg`, `png`, …
    public var format: String
    /// Of the upright picture.
    public var width: Int
    public var height: Int
    /// EXIF, 1…8
    public var orientation: Int
    public var pages: Int

    public init(format: String, width: Int, height: Int, orientation: Int = 1, pages: Int = 1) {
        self.format = format
        self.width = width
        self.height = height
        self.orientation = orientation
        self.pages = pages
    }
}

/// What a stage found, without the tensors: all that is kept in the ledger and shown to a person.
public struct StageOutcome: Sendable, Codable, Hashable {
    /// May be empty: looked, found none.
    public var text: String?
    /// 0…1
    public var confidence: Float?
    /// In reading order.
    public var lines: [TextLine]
    public var generation: Generation?
    /// Anything else that a person should see.
    public var facts: [String: String]
    public var picture: PictureFacts?
    public var hasTensors: Bool
    /// Fingerprints of the models at work.
    public var models: [String]

    public init(
        text: String? = nil, confidence: Float? = nil, lines: [TextLine] = [], generation: Generation? = nil,
        facts: [String: String] = [:], picture: PictureFacts? = nil, hasTensors: Bool = false, models: [String] = []
    ) {
        self.text = text
        self.confidence = confidence
        self.lines = lines
        self.generation = generation
        self.facts = facts
        self.picture = picture
        self.hasTensors = hasTensors
        self.models = models
    }
}
