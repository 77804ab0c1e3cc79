import Golden
import Models
import Tensors
import Testing

@testable import Training

/// Captions that the model writes while it learns: the same model as in learning, word by word.
@Suite struct SamplingTests {
    private static let stop = 7

    private func network(_ wiring: AdapterPlan.Wiring) throws -> AdapterNetwork { try DisjointTests.network(wiring) }

    private func pictures(_ network: AdapterNetwork, _ count: Int) -> [Example] {
        let width = network.plan.visual?.featureWidth ?? 0
        return (0..<count).map {
            var example = TinyBase.example(
                network.configuration.vocabulary, seed: UInt64($0),
                features: TinyBase.features(5, width, seed: UInt64($0)))
            example.prompt = Array(example.prompt.prefix($0 % 3 + 1))
            return example
        }
    }

    /// The best token each time is that of the logits of a whole pass over what was written.
    @Test(arguments: [AdapterPlan.Wiring.released, .paper])
    func theBestTokensAreThoseOfAWholePass(_ wiring: AdapterPlan.Wiring) throws {
        let network = try network(wiring)
        let pictures = pictures(network, 3)
        let written = try network.sample(pictures, .init(longest: 6, stop: Self.stop))
        for (picture, texts) in zip(pictures, written) {
            let text = try #require(texts.first)
            #expect(text.count == 6 || text.last == Self.stop)
            var example = picture
            example.continuations = [text + [0]]
            let logits = network.logits(example)
            for (i, token) in text.enumerated() {
                let row = logits.row(picture.prompt.count - 1 + i)
                let best = (0..<logits.columns).max { row[$0] < row[$1] } ?? 0
                #expect(row[best] - row[token] < 1e-4, "token \(i) of \(text)")
            }
        }
    }

    @Test func aSeedFixesWhatIsDrawn() throws {
        let network = try network(.released)
        let pictures = pictures(network, 2)
        func draw(_ seed: UInt64) throws -> [[[Int]]] {
            try network.sample(pictures, .init(count: 4, longest: 8, stop: Self.stop, seed: seed))
        }
        let first = try draw(1)
        #expect(try draw(1) == first)
        #expect(try draw(2) != first)
        #expect(Set(first.joined()).count > 4)
        #expect(first.allSatisfy { $0.count == 4 })
    }

    /// A token is drawn as often as it is likely.
    @Test func tokensAreDrawnByTheirProbability() throws {
        let network = try network(.released)
        let picture = pictures(network, 1)[0]
        let draws = 4000
        let texts = try network.sample([picture], .init(count: draws, longest: 1, stop: Self.stop, seed: 3))[0]
        var counts = [Double](repeating: 0, count: network.configuration.vocabulary)
        for text in texts { counts[text[0]] += 1 }
        let logits = network.logits(picture)
        let row = logits.row(picture.prompt.count - 1)
        Math.softmax(row, count: logits.columns)
        for token in counts.indices {
            let p = Double(row[token])
            let spread = (p * (1 - p) / Double(draws)).squareRoot()
            #expect(abs(counts[token] / Double(draws) - p) < 5 * spread + 1e-9, "token \(token)")
        }
    }

    /// Rewards for even tokens make the model say them.
    @Test func whatIsRewardedIsLearned() throws {
        struct Liking: CaptionJudge {
            func score(_ tokens: [Int], picture index: Int) -> Double {
                Double(tokens.filter { $0 % 2 == 0 }.count) / Double(tokens.count)
            }
        }
        let network = try network(.released)
        var plan = TrainingPlan()
        (plan.steps, plan.warmUp, plan.stop) = (120, 1, Self.stop)
        var rewards = TrainingPlan.Rewards(share: .init(batch: 3, atOnce: 2, groups: [.visual, .tuning]))
        (rewards.samples, rewards.longest) = (4, 5)
        plan.rewards = rewards
        for kind in ParameterKind.allCases { plan.rates[kind] = 3e-2 }
        let source = DisjointTests.Source(examples: pictures(network, 5))
        let trainer = Trainer(
            network, plan, pictures: source, instructions: nil, validation: [],
            judges: .init(pictures: Liking()))
        while !trainer.isDone { try trainer.advance() }
        let scores = trainer.curve.compactMap(\.reward)
        #expect(scores.count == 120)
        let (first, last) = (scores.prefix(10).reduce(0, +), scores.suffix(10).reduce(0, +))
        #expect(first < 7 && last > first + 2, "\(first) and \(last)")
        #expect(trainer.captions == 120 * 3 * 4)
    }
}
