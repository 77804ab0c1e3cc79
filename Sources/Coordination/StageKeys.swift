import Crypto
import Foundation
import Pipelines

/// Digests that say whether a result can be used again: of a stage on a picture, and of a run as a whole.
public struct StageKeys: Sendable {
    /// What a stage's result depends on besides the picture and the stages before it.
    public struct Ingredients: Sendable {
        public var expert: String
        public var software: String
        public var models: [String]
        public var options: [String: OptionValue]
        /// Nil for an expert that takes no question: then neither question nor seed changes its result.
        public var question: String?
        /// Whether an item's own question takes the place of this one.
        public var sharesQuestion: Bool
        public var seed: UInt64
        /// Bound stages, by port, as indices of earlier stages.
        public var inputs: [(port: String, stages: [Int])]
        /// Ports that need at least one result, as indices of earlier stages.
        public var requiredPorts: [[Int]]
        /// It decides whether the stage is run and changes no result: it is part of the run's digest only.
        public var condition: Condition?

        public init(
            expert: String, software: String, models: [String], options: [String: OptionValue], question: String?,
            sharesQuestion: Bool, seed: UInt64, inputs: [(port: String, stages: [Int])], requiredPorts: [[Int]] = [],
            condition: Condition? = nil
        ) {
            self.expert = expert
            self.software = software
            self.models = models
            self.options = options
            self.question = question
            self.sharesQuestion = sharesQuestion
            self.seed = seed
            self.inputs = inputs
            self.requiredPorts = requiredPorts
            self.condition = condition
        }
    }

    let stages: [(name: String, ingredients: Ingredients)]
    private var digests: [[UInt8]] = []
    private(set) var dependencies: [[Int]] = []
    /// Hexadecimal digest of all stages' configuration together with their names.
    public let configuration: String

    /// - Parameter stages: in topological order.
    public init(_ stages: [(name: String, ingredients: Ingredients)]) {
        self.stages = stages
        var whole = SHA256()
        for (name, stage) in stages {
            var hasher = SHA256()
            hasher.feed("lorgnette.stage/1")
            hasher.feed(stage.expert)
            hasher.feed(stage.software)
            for model in stage.models { hasher.feed(model) }
            hasher.feed(OptionValue.map(stage.options).json)
            if let question = stage.question {
                hasher.feed(question)
                hasher.feed(String(stage.seed))
            }
            for (port, sources) in stage.inputs {
                hasher.feed(port)
                hasher.feed(sources.map { stages[$0].name }.joined(separator: "\n"))
            }
            digests.append(Array(hasher.finalize()))
            dependencies.append(stage.inputs.flatMap(\.stages))
            whole.feed(name)
            whole.update(data: digests.last!)
            if let condition = stage.condition { whole.feed("when \(condition)") }
        }
        configuration = hex(whole.finalize())
    }

    /// The digests for an item with a question of its own; these if it has none. They are the same as if that question
    /// had been asked of all items.
    public func asking(_ question: String?) -> StageKeys {
        guard let question else { return self }
        return StageKeys(
            stages.map { name, stage in
                var stage = stage
                if stage.sharesQuestion { stage.question = question }
                return (name, stage)
            })
    }

    /// The key of a stage's result for a picture, 32 bytes.
    /// - Parameter inputs: keys of the results that it was given, in the order of `dependencies`; nil where there was none,
    ///   for what is made without an expert's words is another result.
    public func key(of stage: Int, for sha256: [UInt8], inputs: [[UInt8]?]) -> [UInt8] {
        var hasher = SHA256()
        hasher.update(data: digests[stage])
        hasher.update(data: sha256)
        for input in inputs { hasher.update(data: input ?? [UInt8](repeating: 0, count: 32)) }
        return Array(hasher.finalize())
    }
}

extension SHA256 {
    /// Adds a text with its length, so that two texts never run into one.
    fileprivate mutating func feed(_ text: String) {
        update(data: Array("\(text.utf8.count):".utf8))
        update(data: Array(text.utf8))
    }
}
