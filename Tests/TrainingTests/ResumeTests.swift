import Checkpoints
import Foundation
import Golden
import Tensors
import Testing

@testable import Training

/// Interrupted anywhere and resumed, a run ends with the same adapter, bit for bit.
@Suite struct ResumeTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("training-\(UUID().uuidString)")
        .path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    @Test(arguments: 0..<6)
    func resumesExactly(at step: Int) throws {
        try resumesExactly(at: step) { try DisjointTests.network(.paper) }
    }

    /// Here hidden states are kept from step to step, and a resumed run begins without them.
    @Test(.enabled(if: NarrowMatrix.isAvailable, "this processor has no AVX512-BF16"), arguments: [0, 1, 4])
    func resumesExactlyInBfloat16(at step: Int) throws {
        try resumesExactly(at: step) { try DisjointTests.network(.released, .bfloat16) }
    }

    @Test(arguments: [2, 3, 5])
    func resumesExactlyWhereStepsAreAveraged(at step: Int) throws {
        try resumesExactly(at: step, averageFrom: 3) { try DisjointTests.network(.paper) }
    }

    @Test func theAverageIsTheMeanOfTheSteps() throws {
        let trainer = DisjointTests.trainer(
            try DisjointTests.network(.paper), pictures: 2, instructions: 1, steps: 5, averageFrom: 3)
        var sums: [String: [Double]] = [:]
        while !trainer.isDone {
            try trainer.advance()
            guard trainer.step >= 3 else { continue }
            for parameter in trainer.network.parameters {
                let values = parameter.value.array.map(Double.init)
                sums[parameter.name] = sums[parameter.name].map { zip($0, values).map(+) } ?? values
            }
        }
        let last = DisjointTests.values(trainer.network)
        trainer.withAdapter {
            for parameter in trainer.network.parameters {
                for (value, sum) in zip(parameter.value.array, sums[parameter.name] ?? []) {
                    #expect(abs(Double(value) - sum / 3) <= 1e-6 * max(1, abs(sum)), "\(parameter.name)")
                }
            }
            #expect(DisjointTests.values(trainer.network) != last)
        }
        #expect(DisjointTests.values(trainer.network) == last)
    }

    private func resumesExactly(at step: Int, averageFrom: Int? = nil, _ network: () throws -> AdapterNetwork) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let state = folder + "/state"
        let whole = DisjointTests.trainer(
            try network(), pictures: 2, instructions: 1, steps: 6, averageFrom: averageFrom)
        while !whole.isDone { try whole.advance() }

        let first = DisjointTests.trainer(
            try network(), pictures: 2, instructions: 1, steps: 6, averageFrom: averageFrom)
        for _ in 0..<step { try first.advance() }
        try first.save(to: state, run: "a")
        let second = DisjointTests.trainer(
            try network(), pictures: 2, instructions: 1, steps: 6, averageFrom: averageFrom)
        try second.resume(from: state, run: "a")
        #expect(second.step == step)
        while !second.isDone { try second.advance() }
        #expect(DisjointTests.values(whole.network) == DisjointTests.values(second.network))
        #expect(whole.curve.map(\.step) == second.curve.map(\.step))
        for (a, b) in zip(whole.curve, second.curve) {
            #expect(a.pictures.map(Float.init) == b.pictures.map(Float.init))
            #expect(a.instructions.map(Float.init) == b.instructions.map(Float.init))
        }
        try whole.withAdapter {
            try AdapterFile.write(whole.network, facts: ["role": "test"], to: folder + "/whole")
        }
        try second.withAdapter {
            try AdapterFile.write(second.network, facts: ["role": "test"], to: folder + "/second")
        }
        #expect(FileManager.default.contentsEqual(atPath: folder + "/whole", andPath: folder + "/second"))
    }

    @Test(.enabled(if: NarrowMatrix.isAvailable, "this processor has no AVX512-BF16"))
    func bfloat16IsCloseToFloat32() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let exact = try DisjointTests.network(.paper)
        let narrow = try DisjointTests.network(.paper, .bfloat16)
        let plain = try AdapterNetwork(TinyBase.llama(), narrow.plan, seed: 1)
        plain.shake(seed: 2)
        let examples = [
            TinyBase.example(exact.configuration.vocabulary, seed: 3, features: TinyBase.features(5, 6, seed: 4))
        ]
        let (a, b) = (try plain.loss(examples), try narrow.loss(examples))
        #expect(abs(a - b) < 0.02 * a && a != b, "\(a) and \(b)")
    }

    @Test func anotherRunsStateIsRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trainer = DisjointTests.trainer(try DisjointTests.network(.paper), pictures: 2, instructions: 1)
        try trainer.save(to: folder + "/state", run: "a")
        let error = #expect(throws: CheckpointError.self) { try trainer.resume(from: folder + "/state", run: "b") }
        #expect(error?.description.contains("another one (a)") == true)
    }

    @Test func aLossThatIsNoNumberChangesNothing() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let network = try DisjointTests.network(.released)
        var plan = TrainingPlan()
        (plan.steps, plan.pictures.batch) = (2, 2)
        let features = TinyBase.features(5, network.plan.visual?.featureWidth ?? 0, seed: 1)
        features.data[3] = .nan
        let bad = TinyBase.example(network.configuration.vocabulary, seed: 2, features: features)
        let trainer = Trainer(
            network, plan, pictures: DisjointTests.Source(examples: [bad]), instructions: nil, validation: [])
        let before = DisjointTests.values(network)
        let error = #expect(throws: TrainingError.self) { try trainer.advance() }
        #expect(error?.description.contains("step 0, loss of example 0, example 0") == true)
        #expect(DisjointTests.values(network) == before)
        #expect(network.parameters.allSatisfy { $0.gradient?.array.allSatisfy { $0 == 0 } ?? true })
    }
}
