/// When a stage is run, in terms of what other stages found: `text.words > 0 and not caption.text contains "dog"`.
///
///     condition = every { "or" every }
///     every     = test { "and" test }
///     test      = "not" test | "(" condition ")" | probe
///     probe     = stage "." ("words" | "lines" | "characters" | "confidence" | "coverage") comparison number
///               | stage "." ("text" | "facts." name) (("==" | "!=" | "contains") word | "empty")
///               | stage "." "facts." name comparison number
///               | stage "." "status" ("==" | "!=") ("ok" | "failed" | "skipped")
///
/// A test of what is missing is false, whatever the test: of a stage that failed, was not run or was taken out, or that
/// found no such thing. Only `status` is there for every stage that the pipeline has.
public struct Condition: Sendable, Hashable {
    static let mostScalars = 1000
    static let deepest = 16

    /// What can be asked of a stage.
    public enum Field: Sendable, Hashable {
        /// Words between white space, lines that are not blank, characters but white space: numbers from 0.
        case words, lines, characters
        /// 0…1, as the expert says.
        case confidence
        /// Share of the picture that the boxes of the lines cover, 0…1; missing if the expert did not tell the picture's size.
        case coverage
        case text
        /// `ok`, `failed` or `skipped`.
        case status
        /// One of the expert's facts; compared as a number with a number.
        case fact(String)
    }

    enum Comparison: String, CaseIterable, Sendable {
        case less = "<"
        case atMost = "<="
        case greater = ">"
        case atLeast = ">="
        case equal = "=="
        case unequal = "!="
    }

    enum Test: Sendable, Hashable {
        case number(Comparison, Double)
        /// Equal if true, else unequal.
        case word(String, Bool)
        /// Small and capital letters are the same.
        case contains(String)
        case empty
    }

    /// One test of one stage.
    public struct Probe: Sendable, Hashable {
        public let stage: String
        public let field: Field
        let test: Test
        /// Where the stage is named, in scalars from the condition's first.
        let offset: Int
    }

    indirect enum Node: Sendable, Hashable {
        case probe(Probe)
        case not(Node)
        case every([Node])
        case any([Node])
    }

    let root: Node

    /// Every test in it, as written.
    public var probes: [Probe] { root.probes }
    /// The stages that it names, each once.
    public var stages: [String] {
        var seen: Set<String> = []
        return probes.map(\.stage).filter { seen.insert($0).inserted }
    }
}

extension Condition: CustomStringConvertible {
    /// In one form for all ways to write it: equal texts mean equal conditions.
    public var description: String { root.text }
}

extension Condition.Node {
    fileprivate var probes: [Condition.Probe] {
        switch self {
        case .probe(let probe): [probe]
        case .not(let node): node.probes
        case .every(let nodes), .any(let nodes): nodes.flatMap(\.probes)
        }
    }

    fileprivate var text: String {
        switch self {
        case .probe(let probe): "\(probe.stage).\(probe.field.name) \(probe.test.text)"
        case .not(let node): "not \(node.isList ? "(\(node.text))" : node.text)"
        case .every(let nodes): nodes.map { $0.isAny ? "(\($0.text))" : $0.text }.joined(separator: " and ")
        case .any(let nodes): nodes.map(\.text).joined(separator: " or ")
        }
    }

    private var isAny: Bool { if case .any = self { true } else { false } }
    private var isList: Bool { if case .every = self { true } else { isAny } }
}

extension Condition.Test {
    fileprivate var text: String {
        switch self {
        case .number(let comparison, let number): "\(comparison.rawValue) \(OptionValue.number(number).json)"
        case .word(let word, let isEqual): "\(isEqual ? "==" : "!=") \(Self.written(word))"
        case .contains(let word): "contains \(Self.written(word))"
        case .empty: "empty"
        }
    }

    /// Between quotes where it must be: no text has both kinds of quotes, for none can be written so.
    private static func written(_ word: String) -> String {
        let isPlain =
            word.first?.isLetter == true
            && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        if isPlain, !["and", "or", "not"].contains(word) { return word }
        return word.contains("\"") ? "'\(word)'" : "\"\(word)\""
    }
}

// MARK: - What it says of a picture

extension Condition {
    /// What a condition sees of a stage that is settled.
    public struct View: Sendable {
        public var status: StageStatus
        /// Nil for a stage without a result.
        public var outcome: StageOutcome?

        public init(status: StageStatus, outcome: StageOutcome?) {
            self.status = status
            self.outcome = outcome
        }
    }

    /// Whether the stage is to run.
    /// - Parameter view: of a stage by its name; nil for one that the pipeline does not have.
    public func holds(_ view: (String) -> View?) -> Bool { root.holds(view) }
}

extension Condition.Node {
    fileprivate func holds(_ view: (String) -> Condition.View?) -> Bool {
        switch self {
        case .probe(let probe): view(probe.stage).map(probe.holds) ?? false
        case .not(let node): !node.holds(view)
        case .every(let nodes): nodes.allSatisfy { $0.holds(view) }
        case .any(let nodes): nodes.contains { $0.holds(view) }
        }
    }
}

extension Condition.Probe {
    fileprivate func holds(_ view: Condition.View) -> Bool {
        switch test {
        case .number(let comparison, let number):
            guard let found = field.number(in: view), found.isFinite else { return false }
            return comparison.holds(found, number)
        case .word(let word, let isEqual): return field.text(in: view).map { ($0 == word) == isEqual } ?? false
        case .contains(let word): return field.text(in: view)?.lowercased().contains(word.lowercased()) ?? false
        case .empty: return field.text(in: view)?.allSatisfy(\.isWhitespace) ?? false
        }
    }
}

extension Condition.Comparison {
    fileprivate func holds(_ found: Double, _ number: Double) -> Bool {
        switch self {
        case .less: found < number
        case .atMost: found <= number
        case .greater: found > number
        case .atLeast: found >= number
        case .equal: found == number
        case .unequal: found != number
        }
    }
}

extension Condition.Field {
    /// As it is written behind the stage's name.
    var name: String {
        switch self {
        case .words: "words"
        case .lines: "lines"
        case .characters: "characters"
        case .confidence: "confidence"
        case .coverage: "coverage"
        case .text: "text"
        case .status: "status"
        case .fact(let name): "facts.\(name)"
        }
    }

    /// Whether only a stage that gives text has it.
    var needsText: Bool {
        switch self {
        case .words, .lines, .characters, .confidence, .coverage, .text: true
        case .status, .fact: false
        }
    }

    fileprivate func text(in view: Condition.View) -> String? {
        switch self {
        case .text: view.outcome?.words
        case .status: view.status.rawValue
        case .fact(let name): view.outcome?.facts[name]
        default: nil
        }
    }

    /// Confidence and coverage as the results show them, to four places.
    fileprivate func number(in view: Condition.View) -> Double? {
        guard let outcome = view.outcome else { return nil }
        switch self {
        case .words: return outcome.words.map { Double($0.split(whereSeparator: \.isWhitespace).count) }
        case .lines:
            return outcome.words.map {
                Double($0.split(whereSeparator: \.isNewline).count { !$0.allSatisfy(\.isWhitespace) })
            }
        case .characters: return outcome.words.map { Double($0.count { !$0.isWhitespace }) }
        case .confidence: return outcome.confidence.map { (Double($0) * 10_000).rounded() / 10_000 }
        case .coverage:
            guard outcome.words != nil, let picture = outcome.picture else { return nil }
            let share = Coverage.share(of: outcome.lines.map(\.box), width: picture.width, height: picture.height)
            return share.map { ($0 * 10_000).rounded() / 10_000 }
        case .fact(let name): return outcome.facts[name].flatMap { Double($0) }
        case .text, .status: return nil
        }
    }
}

extension StageOutcome {
    /// Its text, or else its lines; nil if it has neither.
    fileprivate var words: String? {
        text ?? (lines.isEmpty ? nil : lines.map(\.text).joined(separator: "\n"))
    }
}
