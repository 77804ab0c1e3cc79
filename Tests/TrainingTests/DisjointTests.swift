import Golden
import Tensors
import Testing

@testable import Training

/// Joint training (section 4.2): each kind of batch leaves the parameters of the other bit for bit as they are.
@Suite struct DisjointTests {
    /// The same made-up example again and again.
    struct Source: ExampleSource {
        let examples: [Example]
        var count: Int { examples.count }
        func example(_ index: Int, epoch: Int, seed: UInt64) -> Example { examples[index] }
        func name(_ index: Int) -> String { "example \(index)" }
        var vocabulary: Set<Int> { Set(examples.map(\.continuations).joined().joined()) }
    }

    static func network(_ wiring: AdapterPlan.Wiring, _ precision: Precision = .float32) throws -> AdapterNetwork {
        let name = wiring == .released ? "V2 with LoRA" : "the paper's wiring"
        var plan = try #require(FiniteDifferenceTests.wirings.first { $0.name == name }).plan
        // With bfloat16 what happens below the touched layers is kept: leave one untouched.
        if precision == .bfloat16 { (plan.promptLayers, plan.tunedLayers) = (1, 1) }
        let network = try AdapterNetwork(TinyBase.llama(), plan, seed: 1, precision: precision)
        network.shake(seed: 2)
        return network
    }

    static func trainer(
        _ network: AdapterNetwork, pictures: Int, instructions: Int, steps: Int = 3, averageFrom: Int? = nil
    ) -> Trainer {
        var plan = TrainingPlan()
        (plan.steps, plan.warmUp, plan.seed) = (steps, 1, 5)
        plan.averageFrom = averageFrom
        plan.pictures.batch = pictures
        plan.instructions.batch = instructions
        let vocabulary = network.configuration.vocabulary
        func examples(_ seed: UInt64, _ width: Int?) -> [Example] {
            (0..<4).map { i in
                TinyBase.example(
                    vocabulary, seed: seed + UInt64(i),
                    features: width.map { TinyBase.features(5, $0, seed: seed + UInt64(i)) })
            }
        }
        return Trainer(
            network, plan, pictures: Source(examples: examples(30, network.plan.visual?.featureWidth)),
            instructions: Source(examples: examples(40, nil)), validation: [])
    }

    static func values(_ network: AdapterNetwork) -> [String: [UInt32]] {
        Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0.value.array.map(\.bitPattern)) })
    }

    @Test(arguments: AdapterPlan.Wiring.allCases, [true, false])
    func aBatchChangesItsOwnGroupOnly(wiring: AdapterPlan.Wiring, hasPictures: Bool) throws {
        let network = try Self.network(wiring)
        let trainer = Self.trainer(network, pictures: hasPictures ? 2 : 0, instructions: hasPictures ? 0 : 2)
        let before = Self.values(network)
        while !trainer.isDone { try trainer.advance() }
        let own: ParameterGroup = hasPictures ? .visual : .tuning
        for parameter in network.parameters {
            let isSame = before[parameter.name] == parameter.value.array.map(\.bitPattern)
            #expect(isSame == (parameter.group != own), "\(parameter.name)")
        }
    }

    @Test(arguments: AdapterPlan.Wiring.allCases)
    func bothKindsInOneStepDoWhatEachDoesAlone(wiring: AdapterPlan.Wiring) throws {
        let together = try Self.network(wiring)
        let pictures = try Self.network(wiring)
        // One step: in the next, each kind's loss sees what the other has learned.
        try Self.trainer(together, pictures: 2, instructions: 2).advance()
        try Self.trainer(pictures, pictures: 2, instructions: 0).advance()
        let alone = Self.values(pictures)
        for parameter in together.parameters where parameter.group == .visual {
            #expect(alone[parameter.name] == parameter.value.array.map(\.bitPattern), "\(parameter.name)")
        }
    }

    @Test func frozenParametersHaveNoGradient() throws {
        let network = try Self.network(.paper)
        _ = Self.trainer(network, pictures: 2, instructions: 0)
        for parameter in network.parameters {
            #expect((parameter.gradient != nil) == (parameter.group == .visual), "\(parameter.name)")
        }
    }
}
