import Tensors
import Testing

@testable import Training

@Suite struct LensWarmUpTests {
    /// Pictures of two kinds: half show one word, half another, and their features point to opposite sides.
    private let words = (first: 5, second: 9)
    private let count = 24

    private func captions(_ index: Int) -> [[Int]] { [[index % 2 == 0 ? words.first : words.second, 3]] }

    private func features(_ index: Int) -> Tensor {
        let noise = TinyBase.features(5, 6, seed: UInt64(index))
        for i in 0..<noise.count { noise.data[i] = 0.3 * noise.data[i] + (index % 2 == 0 ? 1 : -1) * Float(i % 6 - 2) }
        return noise
    }

    private func run(
        _ wiring: String, _ features: ((Int) -> Tensor)? = nil
    ) throws -> (network: AdapterNetwork, losses: [Double]) {
        var plan = try #require(FiniteDifferenceTests.wirings.first { $0.name == wiring }).plan
        plan.gate = 0.5
        let network = try AdapterNetwork(TinyBase.llama(), plan, seed: 1)
        for parameter in network.parameters { parameter.isTrained = parameter.group == .visual }
        var settings = LensWarmUp.Settings()
        (settings.steps, settings.batch, settings.features, settings.rate) = (60, 8, 4, 1e-2)
        let lens = try LensWarmUp(network, settings, seed: 4, captions: (0..<count).map(captions))
        var losses: [Double] = []
        try lens.run { index, _ in
            (features ?? self.features)(index)
        } report: {
            losses.append($1)
        }
        return (network, losses)
    }

    @Test(arguments: ["V2 as released", "the paper's wiring"])
    func learnsWhatTheWordsSay(wiring: String) throws {
        let (_, losses) = try run(wiring)
        #expect(losses.count == 60)
        // Two words of even odds: 2 log 2 = 1.39 nats without a look at the picture.
        #expect(losses[0] > 1.2)
        #expect(losses.suffix(5).reduce(0, +) / 5 < 0.97 * losses[0], "\(losses)")
    }

    @Test func learnsNothingWherePicturesAreAllAlike() throws {
        let (_, losses) = try run("V2 as released") { _ in TinyBase.features(5, 6, seed: 7) }
        #expect(losses.suffix(5).reduce(0, +) / 5 > 0.99 * losses[0], "\(losses)")
    }

    @Test func isTheSameEachTime() throws {
        let first = try run("V2 as released")
        let second = try run("V2 as released")
        #expect(first.losses == second.losses)
        #expect(DisjointTests.values(first.network) == DisjointTests.values(second.network))
    }

    @Test func trainsTheProjectionAlone() throws {
        var plan = try #require(FiniteDifferenceTests.wirings.first { $0.name == "V2 as released" }).plan
        plan.gate = 0.5
        let untouched = DisjointTests.values(try AdapterNetwork(TinyBase.llama(), plan, seed: 1))
        let (network, _) = try run("V2 as released")
        for parameter in network.parameters {
            let isSame = untouched[parameter.name] == parameter.value.array.map(\.bitPattern)
            #expect(isSame == (parameter.kind != .projection), "\(parameter.name)")
        }
    }

    @Test func captionsWithoutCommonWordsAreRefused() throws {
        let plan = try #require(FiniteDifferenceTests.wirings.first { $0.name == "V2 as released" }).plan
        let network = try AdapterNetwork(TinyBase.llama(), plan, seed: 1)
        let error = #expect(throws: TrainingError.self) {
            _ = try LensWarmUp(network, .init(), seed: 1, captions: [[[1, 2]], [[3, 4]]])
        }
        #expect(error?.description.contains("lens: expected words that 8 pictures or more share") == true)
    }
}
