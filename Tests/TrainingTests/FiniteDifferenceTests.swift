import Golden
import Models
import Tensors
import Testing

@testable import Training

/// Gradients against central differences of the loss, for every wiring and every kind of tuning.
@Suite struct FiniteDifferenceTests {
    static let wirings: [(name: String, plan: AdapterPlan)] = {
        let visual = AdapterPlan.Visual(featureWidth: 6, width: 8, blocks: 2, heads: 2, queries: 3)
        var v1 = AdapterPlan()
        (v1.promptLayers, v1.prompts) = (1, 4)
        var released = AdapterPlan()
        (released.visual, released.promptLayers, released.prompts) = (visual, 1, 3)
        (released.tunedLayers, released.norms, released.biases) = (2, true, true)
        var lora = released
        (lora.rank, lora.newGates, lora.promptLayers) = (2, true, 2)
        var paper = AdapterPlan()
        (paper.wiring, paper.visual, paper.earlyLayers) = (.paper, visual, 1)
        (paper.promptLayers, paper.prompts) = (1, 5)
        (paper.tunedLayers, paper.norms, paper.biases, paper.scale) = (2, true, true, .output)
        var dialog = AdapterPlan()
        (dialog.tunedLayers, dialog.norms, dialog.biases, dialog.scale) = (2, true, true, .input)
        var flat = paper
        flat.visual?.blocks = 1
        (flat.scale, flat.rank) = (nil, 3)
        return [
            ("V1", v1), ("V2 as released", released), ("V2 with LoRA", lora), ("the paper's wiring", paper),
            ("V2 dialog", dialog), ("the paper's wiring with LoRA", flat),
        ]
    }()

    @Test(arguments: wirings.indices, [false, true])
    func gradients(index: Int, recomputes: Bool) throws {
        let (name, plan) = Self.wirings[index]
        let base = try TinyBase.llama()
        let network = try AdapterNetwork(base, plan, seed: 1)
        network.shake(seed: 2)
        network.recomputes = recomputes
        for parameter in network.parameters { parameter.isTrained = true }
        network.activate(Set(ParameterGroup.allCases))
        let vocabulary = base.configuration.vocabulary
        let examples = (0..<2).map { i in
            TinyBase.example(
                vocabulary, seed: 10 + UInt64(i),
                features: plan.visual.map { TinyBase.features(5, $0.featureWidth, seed: 20 + UInt64(i)) })
        }
        let divisor = examples.reduce(0) { $0 + $1.targetCount }
        let loss = try network.learn(examples, divisor: divisor)
        #expect(abs(loss - (try network.loss(examples)) / Double(divisor)) < 1e-5)
        var random = SplitMix64(3)
        for parameter in network.parameters {
            let gradient = try #require(parameter.gradient)
            // Along the gradient, where the slope is its length, and along a random direction.
            let size = length(gradient)
            #expect(size > 1e-7, "\(name): \(parameter.name) has no gradient")
            let along = Tensor(gradient.array.map { $0 / max(size, 1e-12) }, gradient.shape)
            let other = Tensor(gradient.array.map { _ in random.normal() }, gradient.shape)
            for (direction, length) in [(along, Float(1)), (other, length(other))] {
                let expected = Math.dot(gradient.data, direction.data, gradient.count) / length
                let found =
                    try slope(network, parameter, direction, length, step: size < 0.01 ? 0.06 : 0.02, examples) / Float(divisor)
                #expect(
                    abs(found - expected) <= 0.01 * abs(expected) + 0.004 * size + 2e-6,
                    "\(name): \(parameter.name): expected \(expected), found \(found)")
            }
        }
    }

    /// The gradient of weighted continuations is the weighted sum of each one's own, also below zero.
    @Test func continuationsCountByTheirWeights() throws {
        let weights: [Float] = [1.5, 0.25, -0.75]
        func gradients(_ weights: [Float]) throws -> [Float] {
            let network = try DisjointTests.network(.released)
            for parameter in network.parameters { parameter.isTrained = true }
            network.activate(Set(ParameterGroup.allCases))
            var example = TinyBase.example(
                network.configuration.vocabulary, seed: 10, features: TinyBase.features(5, 6, seed: 20))
            example.weights = weights
            let loss = try network.learn([example], divisor: 1)
            return [Float(loss)] + network.parameters.flatMap { $0.gradient?.array ?? [] }
        }
        let whole = try gradients(weights)
        var sum = [Float](repeating: 0, count: whole.count)
        for i in weights.indices {
            let alone = try gradients(weights.indices.map { $0 == i ? 1 : 0 })
            for j in sum.indices { sum[j] += weights[i] * alone[j] }
        }
        let size = whole.map { $0 * $0 }.reduce(0, +).squareRoot()
        #expect(size > 0.1)
        let difference = zip(whole, sum).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
        #expect(difference < 1e-4 * size)
    }

    /// With a narrow vocabulary nothing changes if it holds all tokens; with fewer the loss is smaller.
    @Test func aNarrowVocabulary() throws {
        let plan = Self.wirings[1].plan
        let base = try TinyBase.llama()
        let vocabulary = base.configuration.vocabulary
        let example = TinyBase.example(vocabulary, seed: 10, features: TinyBase.features(5, 6, seed: 20))
        func learn(_ tokens: Set<Int>?) throws -> (Double, [Float]) {
            let network = try AdapterNetwork(base, plan, seed: 1)
            network.shake(seed: 2)
            for parameter in network.parameters { parameter.isTrained = true }
            network.activate(Set(ParameterGroup.allCases))
            if let tokens { network.narrowVocabulary(to: tokens) }
            let loss = try network.learn([example], divisor: 1)
            return (loss, network.parameters.flatMap { $0.gradient?.array ?? [] })
        }
        let whole = try learn(nil)
        let all = try learn(Set(0..<vocabulary))
        #expect(whole == all)
        let few = try learn(Set(example.continuations.joined()).union(0..<20))
        #expect(few.0 < whole.0 && few.1 != whole.1)
    }

    /// The loss's slope in a parameter along a direction of that length, from four points `step` apart: far where the loss
    /// changes little, for its rounding would hide that.
    private func slope(
        _ network: AdapterNetwork, _ parameter: Parameter, _ direction: Tensor, _ length: Float, step h: Float,
        _ examples: [Example]
    ) throws -> Float {
        let before = parameter.value.array
        func at(_ step: Float) throws -> Double {
            Math.axpy(step / length, direction.data, parameter.value.data, before.count)
            defer {
                before.withUnsafeBufferPointer {
                    if let base = $0.baseAddress { parameter.value.data.update(from: base, count: before.count) }
                }
            }
            return try network.loss(examples)
        }
        let near = try at(h) - at(-h)
        let far = try at(2 * h) - at(-2 * h)
        return Float((8 * near - far) / 12) / h
    }

    private func length(_ tensor: Tensor) -> Float { Math.dot(tensor.data, tensor.data, tensor.count).squareRoot() }
}
