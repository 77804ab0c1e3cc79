import Checkpoints
import Golden
import Tensors
import Testing

@testable import Models

@Suite struct SamplerTests {
    private func next(_ sampler: inout Sampler, _ logits: [Float], history: [Int] = []) throws -> Int {
        try logits.withUnsafeBufferPointer { try sampler.next($0, history: history) }
    }

    @Test func greedyTakesTheLowestOfEquals() throws {
        var sampler = try Sampler(temperature: 0)
        #expect(try next(&sampler, [1, 3, 2, 3]) == 1)
        #expect(try next(&sampler, [-.infinity, -.infinity, -5]) == 2)
        #expect(try sampler.next(Tensor([9, 0, 0, 1], [2, 2]), history: []) == 1)
    }

    @Test func repetitionPenaltyIsHuggingFaces() throws {
        var logits: [Float] = [2, -2, 0, 4]
        // Once a token, however often it occurs; ids that do not exist are nobody's.
        Sampler.penalise(&logits, history: [0, 1, 1, 1, 2, 99, -1], penalty: 2)
        #expect(logits == [1, -4, 0, 4])
        var sampler = try Sampler(temperature: 0, repetitionPenalty: 2)
        #expect(try next(&sampler, [3, 2, 1], history: [0]) == 1)
        var reward = try Sampler(temperature: 1, repetitionPenalty: 1e-30)
        #expect(try next(&reward, [3e20, 1, 2], history: [0]) == 0)
    }

    @Test func whatIsNotANumberIsAnError() throws {
        var sampler = try Sampler(temperature: 0.7)
        for bad: [Float] in [[1, .nan], [.infinity, 1], [-.infinity, -.infinity], []] {
            #expect(throws: ModelError.notANumber(position: 2)) { try next(&sampler, bad, history: [0, 1]) }
        }
        for (temperature, topP, penalty) in [
            (-1, 1, 1), (.nan, 1, 1), (.infinity, 1, 1), (1, 0, 1), (1, 1.5, 1), (1, .nan, 1), (1, 1, 0), (1, 1, -.infinity),
        ] as [(Float, Float, Float)] {
            #expect(throws: ModelError.self) { try Sampler(temperature: temperature, topP: topP, repetitionPenalty: penalty) }
        }
    }

    @Test func topPKeepsTheTokenThatCrosses() {
        // Probabilities ½, ¼, ⅛, ⅛: the sum before the third is ¾.
        let logits: [Float] = [1, 4, 2, 1].map { $0 == 4 ? 0 : $0 == 2 ? -0.6931472 : -1.3862944 }
        func kept(_ p: Float) -> [Int] {
            let distribution = Sampler.distribution(logits, temperature: 1, topP: p)
            return distribution.indices.filter { distribution[$0] > 0 }
        }
        #expect(kept(0.1) == [1])
        #expect(kept(0.6) == [1, 2])
        #expect(kept(0.8) == [0, 1, 2])
        #expect(kept(1) == [0, 1, 2, 3])
        // The smallest temperature is greedy, not a division by zero.
        #expect(Sampler.distribution([5, 7, 6], temperature: .leastNonzeroMagnitude, topP: 1) == [0, 1, 0])
    }

    /// What is left out before sorting makes no difference.
    @Test func distributionEqualsThePlainOne() {
        var random = SplitMix64(seed: 1)
        for round in 0..<40 {
            let logits = (0..<500).map { _ in Float(random.unit() * 12 - 6) }
            let temperature: Float = [0.1, 0.7, 1, 3][round % 4]
            let topP: Float = [0.3, 0.75, 0.95, 0.999][round / 4 % 4]
            let found = Sampler.distribution(logits, temperature: temperature, topP: topP)
            let plain = plain(logits, temperature, topP)
            let worst = zip(found, plain).map { abs($0 - $1) }.max() ?? 0
            #expect(worst < 1e-5, "temperature \(temperature), top-p \(topP)")
        }
    }

    private func plain(_ logits: [Float], _ temperature: Float, _ topP: Float) -> [Float] {
        var weights = Sampler.distribution(logits, temperature: temperature, topP: 1)
        let order = weights.indices.sorted { (weights[$1], $0) < (weights[$0], $1) }
        var sum = 0.0
        for id in order {
            if Float(sum) > topP { weights[id] = 0 }
            sum += Double(weights[id])
        }
        let total = weights.reduce(0, +)
        return weights.map { $0 / total }
    }

    @Test func drawsFollowTheDistribution() throws {
        let logits: [Float] = [0, 1, 2, -1, 0.5]
        var sampler = try Sampler(temperature: 0.8, topP: 0.9, seed: 42)
        var counts = [Int](repeating: 0, count: 5)
        for _ in 0..<20000 { counts[try next(&sampler, logits)] += 1 }
        for (count, probability) in zip(counts, Sampler.distribution(logits, temperature: 0.8, topP: 0.9)) {
            // Five standard deviations.
            let deviation = 5 * (20000 * probability * (1 - probability)).squareRoot() + 1
            #expect(abs(Float(count) - 20000 * probability) < deviation)
        }
    }

    @Test func seedsRepeat() throws {
        func draw(_ seed: UInt64) throws -> [Int] {
            var sampler = try Sampler(temperature: 2, seed: seed)
            return try (0..<50).map { _ in try next(&sampler, (0..<40).map { Float($0 % 7) }) }
        }
        #expect(try draw(1) == draw(1))
        #expect(try draw(1) != draw(2))
        // The generator's published first numbers for the seed 1234567.
        var random = SplitMix64(seed: 1_234_567)
        #expect(
            [random.next(), random.next(), random.next()] == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            ])
    }

    @Test(
        .enabled(
            if: Golden.fixture("v2-multimodal-bias/expected.safetensors") != nil,
            "the reference numbers are not beside the repository"),
        arguments: ["v2-multimodal-bias", "v2-multimodal-lora"])
    func distributionsAreTheReferences(_ folder: String) throws {
        let file = try Safetensors(path: try #require(Golden.fixture(folder + "/expected.safetensors")))
        let logits = try file.require("p0.image.logits").tensor()
        let last = Array(UnsafeBufferPointer(start: logits.row(logits.rows - 1), count: logits.columns))
        var checked = 0
        for name in file.names where name.hasPrefix("sampling.") {
            // sampling.tT_pP.probs
            let parts = name.dropFirst("sampling.t".count).dropLast(".probs".count).split(separator: "_")
            let temperature = try #require(Float(parts[0]))
            let topP = try #require(Float(parts[1].dropFirst()))
            let found = Sampler.distribution(last, temperature: temperature, topP: topP)
            let expected = try file.require(name).tensor()
            #expect(found.map { $0 > 0 } == expected.array.map { $0 > 0 }, "\(name)")
            #expect(Golden.difference(Tensor(found, expected.shape), expected) < 1e-5, "\(name)")
            checked += 1
        }
        #expect(checked > 0)
    }
}
