import Checkpoints
import Glibc
import Models
import Tensors

/// Joint training with disjoint parameters (arXiv 2304.15010, section 4.2): every step has a batch of pictures with
/// their captions and a batch of instructions, and each updates only the parameters that learn from its kind.
public final class Trainer {
    /// One row of the curve.
    public struct Point: Sendable, Equatable {
        public var step: Int
        /// Mean loss per token of the step's pictures and instructions; nil without any.
        public var pictures: Double?
        public var instructions: Double?
        /// Mean score of the step's drawn captions; nil without any.
        public var reward: Double?
        public var validation: Validation?
    }

    /// Mean loss per token on pictures that are not trained on: as they are, with the features of the next picture,
    /// and with zeros. What the model sees is the distance from the first to the others.
    public struct Validation: Sendable, Equatable {
        public var seen: Double
        public var shuffled: Double
        public var zero: Double
        /// Captions that were learned until then.
        public var captions: Int
        /// Mean score of the captions that the model writes itself, the best token each time; nil without a judge.
        public var score: Double?
    }

    public let network: AdapterNetwork
    public let plan: TrainingPlan
    /// The next step, from 0.
    public internal(set) var step = 0
    public internal(set) var curve: [Point] = []
    /// Continuations of pictures that were learned.
    public internal(set) var captions = 0
    let optimizer: AdamW
    let average = WeightAverage()
    private let pictures: (any ExampleSource)?
    /// Pictures that the model writes captions of; nil without rewards.
    private let drawnFrom: (any ExampleSource)?
    private let instructions: (any ExampleSource)?
    private let validation: [Example]
    private let judges: Judges
    private var pictureDeck: Deck
    private var instructionDeck: Deck
    private var rewardDeck: Deck

    /// Who scores captions that the model writes; nil: nobody.
    public struct Judges {
        public var pictures: (any CaptionJudge)?
        public var validation: (any CaptionJudge)?

        public init(pictures: (any CaptionJudge)? = nil, validation: (any CaptionJudge)? = nil) {
            (self.pictures, self.validation) = (pictures, validation)
        }
    }

    /// - Parameter validation: pictures that are not trained on; none: no validation.
    public init(
        _ network: AdapterNetwork, _ plan: TrainingPlan, pictures: (any ExampleSource)?,
        instructions: (any ExampleSource)?, validation: [Example], judges: Judges = Judges()
    ) {
        precondition(plan.rewards == nil || judges.pictures != nil, "rewards need a judge")
        (self.network, self.plan, self.validation, self.judges) = (network, plan, validation, judges)
        self.pictures = plan.pictures.batch > 0 ? pictures : nil
        self.instructions = plan.instructions.batch > 0 ? instructions : nil
        pictureDeck = Deck(count: max(1, pictures?.count ?? 1), seed: plan.seed)
        instructionDeck = Deck(count: max(1, instructions?.count ?? 1), seed: plan.seed &+ 1)
        rewardDeck = Deck(count: max(1, pictures?.count ?? 1), seed: plan.seed &+ 2)
        drawnFrom = plan.rewards == nil ? nil : pictures
        var learning = plan.rewards?.share.groups ?? []
        if self.pictures != nil { learning.formUnion(plan.pictures.groups) }
        if self.instructions != nil { learning.formUnion(plan.instructions.groups) }
        for parameter in network.parameters {
            parameter.isTrained = learning.contains(parameter.group) && plan.rates[parameter.kind] > 0
        }
        if let common = plan.commonTokens {
            var tokens = Set(0..<min(common, network.configuration.vocabulary))
            for source in [self.pictures ?? drawnFrom, self.instructions].compactMap({ $0 }) {
                tokens.formUnion(source.vocabulary)
            }
            network.narrowVocabulary(to: tokens)
        }
        optimizer = AdamW(network.parameters, .init(decay: plan.decay, clip: plan.clip))
    }

    public var isDone: Bool { step >= plan.steps }

    /// One step. Throws before anything is changed if the loss or a gradient is no number, or an example is bad.
    public func advance() throws {
        var point = Point(step: step)
        var groups: Set<ParameterGroup> = []
        var learnedCaptions = 0
        do {
            if let pictures {
                let drawn = pictureDeck.draw(plan.pictures.batch, step: step)
                let examples = try examples(pictures, drawn)
                point.pictures = try learn(examples, pictures, drawn, plan.pictures)
                groups.formUnion(plan.pictures.groups)
                learnedCaptions = examples.reduce(0) { $0 + $1.continuations.count }
            }
            if let instructions {
                let drawn = instructionDeck.draw(plan.instructions.batch, step: step)
                point.instructions = try learn(
                    examples(instructions, drawn), instructions, drawn, plan.instructions)
                groups.formUnion(plan.instructions.groups)
            }
            if let rewards = plan.rewards, let judge = judges.pictures, let source = drawnFrom {
                let drawn = rewardDeck.draw(rewards.share.batch, step: step)
                let written = try write(examples(source, drawn), drawn, rewards, judge)
                point.reward = written.score
                _ = try learn(written.examples, source, drawn, rewards.share, once: true)
                groups.formUnion(rewards.share.groups)
                learnedCaptions += rewards.share.batch * rewards.samples
            }
            let learned = ParameterGroup.allCases.filter(groups.contains).map { group in
                network.parameters.filter { $0.group == group && $0.isTrained }
            }
            let lengths = try learned.map { try AdamW.length($0) }
            let share = plan.schedule(step)
            for (parameters, length) in zip(learned, lengths) {
                optimizer.step(parameters, length: length) { plan.rates[$0.kind] * share }
            }
        } catch {
            for parameter in network.parameters { parameter.clearGradient() }
            throw error
        }
        step += 1
        captions += learnedCaptions
        if let first = plan.averageFrom, step >= first { average.add(network.parameters) }
        if !validation.isEmpty, step % plan.validateEvery == 0 || isDone {
            point.validation = try withAdapter(validate)
        }
        curve.append(point)
    }

    /// Calls `body` while the network has the weights that the adapter's file gets.
    public func withAdapter<Result>(_ body: () throws -> Result) rethrows -> Result {
        try average.during(network.parameters, body)
    }

    private func examples(_ source: any ExampleSource, _ drawn: [(index: Int, epoch: Int)]) throws -> [Example] {
        try drawn.map { try source.example($0.index, epoch: $0.epoch, seed: plan.seed) }
    }

    /// The same pictures with captions that the model draws, each weighted by its score less the mean of the picture's
    /// other ones; and the mean score.
    private func write(
        _ pictures: [Example], _ drawn: [(index: Int, epoch: Int)], _ rewards: TrainingPlan.Rewards,
        _ judge: any CaptionJudge
    ) throws -> (examples: [Example], score: Double) {
        var (written, sum) = ([Example](), 0.0)
        for (number, part) in Self.parts(pictures, rewards.share.atOnce).enumerated() {
            var random = SplitMix64(plan.seed &+ UInt64(step) &* 0x2545_f491_4f6c_dd1d &+ UInt64(number))
            let texts = try network.sample(
                part, .init(count: rewards.samples, longest: rewards.longest, stop: plan.stop, seed: random.next()))
            for (picture, captions) in zip(part, texts) {
                let scores = captions.map { judge.score($0, picture: drawn[written.count].index) }
                let total = scores.reduce(0, +)
                sum += total
                let weights = scores.map {
                    rewards.weight * Float($0 - (total - $0) / Double(max(1, scores.count - 1)))
                }
                written.append(
                    Example(
                        features: picture.features, prompt: picture.prompt, continuations: captions, weights: weights))
            }
        }
        return (written, sum / Double(max(1, written.count * rewards.samples)))
    }

    private func learn(
        _ examples: [Example], _ source: any ExampleSource, _ drawn: [(index: Int, epoch: Int)],
        _ share: TrainingPlan.Share, once: Bool = false
    ) throws -> Double {
        let divisor = examples.reduce(0) { $0 + $1.targetCount }
        guard divisor > 0 else { return 0 }
        network.activate(share.groups)
        var loss = 0.0
        for part in Self.parts(examples, share.atOnce) {
            do {
                loss += try network.learn(part, divisor: divisor, once: once)
            } catch {
                throw named(error, drawn.map { source.name($0.index) })
            }
        }
        return loss
    }

    /// The same error with the examples that it came from.
    private func named(_ error: TrainingError, _ names: [String]) -> TrainingError {
        guard case .notANumber(let what) = error else { return error }
        return .notANumber(what: "step \(step), \(what) of \(names.joined(separator: ", "))")
    }

    /// Examples that go through the model together: with pictures or without, as many as are allowed.
    static func parts(_ examples: [Example], _ atOnce: Int) -> [[Example]] {
        let kinds = [examples.filter { $0.features != nil }, examples.filter { $0.features == nil }]
        return kinds.flatMap { list in
            stride(from: 0, to: list.count, by: max(1, atOnce)).map {
                Array(list[$0..<min($0 + max(1, atOnce), list.count)])
            }
        }
    }

    private func score(_ judge: any CaptionJudge) throws -> Double {
        let captions = try Self.parts(validation, plan.pictures.atOnce).flatMap { part in
            try network.sample(part, .init(longest: plan.rewards?.longest ?? 32, stop: plan.stop)).joined()
        }
        let scores = captions.enumerated().map { judge.score($1, picture: $0) }
        return scores.reduce(0, +) / Double(max(1, scores.count))
    }

    /// The three losses on the validation pictures, and the score of what the model writes about them.
    public func validate() throws -> Validation {
        let divisor = Double(max(1, validation.reduce(0) { $0 + $1.targetCount }))
        func loss(_ features: (Int) -> Tensor?) throws -> Double {
            var changed = validation
            for i in changed.indices { changed[i].features = features(i) }
            return try Self.parts(changed, plan.pictures.atOnce).reduce(0) { try $0 + network.loss($1) } / divisor
        }
        let blank = validation[0].features.map { Tensor($0.shape) }
        return Validation(
            seen: try loss { validation[$0].features },
            shuffled: try loss { validation[($0 + 1) % validation.count].features }, zero: try loss { _ in blank },
            captions: captions, score: try judges.validation.map(score))
    }
}
