import Tensors

/// The prompt of a question that is answered from what experts found: passages, fenced and labelled, then the
/// question, in the model's chat format. What does not fit is cut from the end of a passage, line by line, and told.
public struct GroundedPrompt: Sendable {
    /// Words of one stage.
    public struct Passage: Sendable, Equatable {
        public var stage: String
        public var label: String
        /// In order of importance: cuts begin at the end.
        public var lines: [String]

        public init(stage: String, label: String, lines: [String]) {
            self.stage = stage
            self.label = label
            self.lines = lines
        }
    }

    /// What was left out of one stage's words.
    public struct Cut: Sendable, Equatable {
        public var stage: String
        public var lines: Int
        public var tokens: Int
    }

    /// A question with its passages and the answer it should get: small models follow these better than instructions.
    public struct Example: Sendable, Equatable {
        public var passages: [Passage]
        public var question: String
        public var answer: String

        public init(passages: [Passage], question: String, answer: String) {
            self.passages = passages
            self.question = question
            self.answer = answer
        }
    }

    /// The prompt's tokens.
    public private(set) var ids: [Int]
    /// How many of them, from the first, are the same whatever is asked: the system message and the examples.
    public private(set) var headCount = 0
    public private(set) var cuts: [Cut] = []
    /// Stages with at least one line in the prompt.
    public private(set) var used: [String] = []

    /// - Parameters:
    ///   - examples: turns of a conversation that come before the question.
    ///   - budgets: the most tokens of a stage's lines.
    ///   - isAlpaca: written as an instruction of Alpaca's, whatever chat format the model has.
    ///   - room: the most tokens of the whole prompt.
    /// Throws `ModelError.contextFull` if the question alone does not fit.
    public init(
        system: String?, examples: [Example] = [], question: String, passages: [Passage], budgets: [String: Int] = [:],
        isAlpaca: Bool = false, room: Int, model: LanguageModel
    ) throws(ModelError) {
        var kept = passages.map { Measured($0, model.tokenizer) }
        for i in kept.indices { kept[i].trim(to: budgets[kept[i].passage.stage] ?? .max) }
        let writing = Writing(
            system: system, examples: examples, template: isAlpaca ? nil : try model.template, isAlpaca: isAlpaca,
            tokenizer: model.tokenizer)
        func written() -> [Int] { writing.ids(Self.text(kept.map(\.passage), question: question)) }
        ids = written()
        while ids.count > room {
            // The longest passage gives way first.
            guard let longest = kept.indices.max(by: { kept[$0].total < kept[$1].total }), kept[longest].total > 0
            else {
                throw .contextFull(capacity: room, needed: ids.count)
            }
            kept[longest].trim(to: max(0, kept[longest].total - (ids.count - room)))
            ids = written()
        }
        headCount = ids.starts(with: writing.head) ? writing.head.count : 0
        for (measured, whole) in zip(kept, passages) {
            if !measured.passage.lines.isEmpty { used.append(whole.stage) }
            if measured.cutTokens > 0 {
                let lines = whole.lines.count - measured.passage.lines.count + (measured.isLastShortened ? 1 : 0)
                cuts.append(Cut(stage: whole.stage, lines: lines, tokens: measured.cutTokens))
            }
        }
    }

    /// The user's turn.
    static func text(_ passages: [Passage], question: String) -> String {
        var text = ""
        for passage in passages where !passage.lines.isEmpty {
            text += "\(passage.label):\n```\n\(passage.lines.joined(separator: "\n"))\n```\n\n"
        }
        return text + question
    }
}

/// How a model wants a conversation written.
private struct Writing {
    let head: [Int]
    private let template: ChatTemplate?
    private let isAlpaca: Bool
    private let tokenizer: any Tokenizer

    init(
        system: String?, examples: [GroundedPrompt.Example], template: ChatTemplate?, isAlpaca: Bool,
        tokenizer: any Tokenizer
    ) {
        self.template = template
        self.isAlpaca = isAlpaca
        self.tokenizer = tokenizer
        let turns = examples.map { (GroundedPrompt.text($0.passages, question: $0.question), $0.answer) }
        if let template {
            var messages = system.map { [ChatMessage(.system, $0)] } ?? []
            for (question, answer) in turns {
                messages += [ChatMessage(.user, question), ChatMessage(.assistant, answer)]
            }
            head = tokenizer.encode(template.pieces(messages, addGenerationPrompt: false))
        } else {
            // A model without a chat format goes on with plain text.
            let text = (system.map { [$0] } ?? []) + turns.map { "\($0)\n\($1)" }
            head =
                (tokenizer.bos.map { [$0] } ?? [])
                + tokenizer.encode(text.map { $0 + "\n\n" }.joined(), special: false)
        }
    }

    /// The whole prompt with the user's turn at its end.
    func ids(_ user: String) -> [Int] {
        guard let template else {
            return head
                + tokenizer.encode(isAlpaca ? AlpacaPrompt.text(instruction: user) : user + "\n", special: false)
        }
        // The template adds its own system message to a conversation that begins here; the head has begun it already.
        let turn = template.pieces([ChatMessage(.user, user)], addGenerationPrompt: true)
        return head + tokenizer.encode(head.isEmpty ? turn : Array(turn.suffix(4)))
    }
}

/// A passage and what its lines cost.
private struct Measured {
    var passage: GroundedPrompt.Passage
    /// Tokens of each line that is left, its end included.
    private var costs: [Int]
    private(set) var cutTokens = 0
    /// Whether the last line that is left has lost its end.
    private(set) var isLastShortened = false
    private let tokenizer: any Tokenizer

    init(_ passage: GroundedPrompt.Passage, _ tokenizer: any Tokenizer) {
        self.passage = passage
        self.tokenizer = tokenizer
        costs = passage.lines.map { tokenizer.encode($0 + "\n", special: false).count }
    }

    var total: Int { costs.reduce(0, +) }

    /// Cuts lines from the end until at most `budget` tokens are left. A first line that is too long keeps its
    /// beginning, if there is room for more than a few tokens.
    mutating func trim(to budget: Int) {
        var left = total
        while left > budget, let cost = costs.popLast() {
            let line = passage.lines.removeLast()
            left -= cost
            cutTokens += cost
            if costs.isEmpty, budget >= 8, let (short, tokens) = shortened(line, to: budget) {
                passage.lines = [short]
                costs = [tokens]
                cutTokens -= tokens
                isLastShortened = true
                return
            }
            isLastShortened = false
        }
    }

    private func shortened(_ line: String, to budget: Int) -> (String, Int)? {
        let mark = "…\n"
        let room = budget - tokenizer.encode(mark, special: false).count
        var text = tokenizer.decode(Array(tokenizer.encode(line, special: false).prefix(max(0, room))))
        while text.last == "\u{FFFD}" { text.removeLast() }
        if text.isEmpty { return nil }
        text += "…"
        let cost = tokenizer.encode(text + "\n", special: false).count
        return cost <= budget ? (text, cost) : nil
    }
}
