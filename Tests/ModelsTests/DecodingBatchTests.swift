import Checkpoints
import Foundation
import Golden
import Locks
import Tensors
import Testing

@testable import Models

/// Several sequences, or pictures, at once: each gets what it would get alone.
@Suite struct DecodingBatchTests {
    private let llama: Llama
    private let adapter: LlamaAdapter

    init() throws {
        llama = try Llama(gguf: GGUF(path: Golden.tiny("language.gguf")))
        adapter = try LlamaAdapter(Safetensors(path: Golden.tiny("adapter.safetensors")), base: llama.configuration)
    }

    private func prompt(_ i: Int) -> [Int] { (0..<3 + 5 * i % 17).map { ($0 * 37 + i * 11) % 320 } }

    /// The logits after each token of a sequence that is read alone, token by token.
    private func alone(_ i: Int, _ steps: Int) throws -> [[Float]] {
        let state = try Llama.State(llama, capacity: 64)
        var logits = [try llama.forward(prompt(i), state).array]
        for step in 0..<steps { logits.append(try llama.forward([(7 * step + i) % 320], state).array) }
        return logits
    }

    @Test func aStepOfManyIsManySteps() throws {
        let steps = 6
        let workspace = Llama.Workspace(llama, capacity: 64, states: 8)
        for company in [1, 2, 3, 5, 8] {
            let states = try (0..<company).map { _ in try Llama.State(llama, capacity: 64, workspace) }
            for (i, state) in states.enumerated() { try llama.forward(prompt(i), state) }
            for step in 0..<steps {
                let errors = llama.step((0..<company).map { (7 * step + $0) % 320 }, states, workspace)
                #expect(errors.allSatisfy { $0 == nil })
            }
            for (i, state) in states.enumerated() {
                let expected = try #require(alone(i, steps).last)
                let difference = Golden.difference(state.logits, Tensor(expected, [1, 320]))
                #expect(difference <= 2e-5, "sequence \(i) of \(company): \(difference)")
            }
        }
    }

    @Test func oneWithoutRoomDoesNotStopTheOthers() throws {
        let workspace = Llama.Workspace(llama, capacity: 64, states: 2)
        let full = try Llama.State(llama, capacity: 3, workspace)
        let other = try Llama.State(llama, capacity: 64, workspace)
        try llama.forward([1, 2, 3], full)
        try llama.forward(prompt(1), other)
        let errors = llama.step([4, 1], [full, other], workspace)
        #expect(errors[0] == .contextFull(capacity: 3, needed: 4) && errors[1] == nil)
        #expect(full.position == 3 && other.position == prompt(1).count + 1)
        #expect(Golden.difference(other.logits, Tensor(try alone(1, 1)[1], [1, 320])) <= 2e-5)
    }

    /// Threads that come and go, each with a picture's prompts of its own, get the tokens that they get alone.
    @Test(arguments: [1, 3, 8]) func threadsWriteWhatTheyWriteAlone(most: Int) async throws {
        let model = llama.adapted(by: adapter)
        let batch = try DecodingBatch(model, capacity: 64, most: most)
        let adapter = adapter
        @Sendable func visual(_ i: Int) throws -> AdapterPrompts {
            let features = Tensor((0..<17 * 64).map { Float(($0 * (i + 3)) % 29) / 29 - 0.5 }, [17, 64])
            return adapter.prompts(try adapter.visualQuery(features), in: model)
        }
        @Sendable func greedy(_ logits: Tensor) -> Int {
            logits.array.indices.max { logits.array[$0] < logits.array[$1] } ?? 0
        }
        let count = 12
        let expected = try (0..<count).map { i in
            let state = try Llama.State(model, capacity: 64)
            state.prompts = try visual(i)
            var ids = [greedy(try model.forward(prompt(i), state))]
            while ids.count < 4 + i % 5 { ids.append(greedy(try model.forward([ids[ids.count - 1]], state))) }
            return ids
        }
        let prompts = (0..<count).map(prompt)
        let next = Locked(0)
        let found = Locked([Int: [Int]]())
        let threads = (0..<batch.most).map { _ in
            let done = DispatchSemaphore(value: 0)
            Thread {
                defer { done.signal() }
                while true {
                    let i = next.withLock { value -> Int in
                        defer { value += 1 }
                        return value
                    }
                    guard i < count else { return }
                    let ids = try? batch.withState { state -> [Int] in
                        let logits = try batch.alone {
                            state.prompts = try visual(i)
                            return try model.forward(prompts[i], state)
                        }
                        return try batch.write {
                            var ids = [greedy(logits)]
                            while ids.count < 4 + i % 5 {
                                try batch.step(ids[ids.count - 1], state)
                                ids.append(greedy(state.logits))
                            }
                            return ids
                        }
                    }
                    found.withLock { $0[i] = ids }
                }
            }.start()
            return done
        }
        await withCheckedContinuation { (all: CheckedContinuation<Void, Never>) in
            Thread {
                for thread in threads { thread.wait() }
                all.resume()
            }.start()
        }
        for i in 0..<count { #expect(found.withLock { $0[i] } == expected[i], "sequence \(i)") }
    }

    @Test func aStateTakesOverWhatAnotherHasRead() throws {
        let (first, second) = (try Llama.State(llama, capacity: 40), try Llama.State(llama, capacity: 64))
        try llama.forward(prompt(2), first, logits: .none)
        try llama.forward(prompt(5), second)
        second.adopt(first)
        #expect(second.position == first.position)
        #expect(try llama.forward([9], second).array == llama.forward([9], first).array)
    }

    @Test func picturesTogetherHaveTheFeaturesThatTheyHaveAlone() throws {
        let vision = try VisionTransformer(onnx: ONNXInitialisers(path: Golden.tiny("vision.onnx")))
        let pictures = (0..<5).map { p in
            let size = vision.configuration.imageSize
            return Tensor((0..<3 * size * size).map { Float(($0 * (p + 2)) % 101) / 50 - 1 }, [3, size, size])
        }
        let together = try vision.forward(batch: pictures, with: [1])
        #expect(together.count == 5)
        for (picture, features) in zip(pictures, together) {
            let alone = try vision.forward(picture, with: [1])
            #expect(features.map(\.array) == alone.map(\.array))
        }
        #expect(throws: ModelError.self) { try vision.forward(batch: [pictures[0], Tensor(3, 14, 14)]) }
    }

    @Test func threadsShareAnEncoder() async throws {
        let vision = try VisionTransformer(onnx: ONNXInitialisers(path: Golden.tiny("vision.onnx")))
        let size = vision.configuration.imageSize
        let pictures = (0..<9).map { p in
            Tensor((0..<3 * size * size).map { Float(($0 * (p + 2)) % 101) / 50 - 1 }, [3, size, size])
        }
        let batch = EncodingBatch(vision, with: [2], most: 3)
        let found = await withTaskGroup(of: (Int, [[Float]]?).self) { group in
            for (i, picture) in pictures.enumerated() {
                group.addTask { (i, try? batch.features(of: picture).map(\.array)) }
            }
            return await group.reduce(into: [Int: [[Float]]]()) { $0[$1.0] = $1.1 }
        }
        for (i, picture) in pictures.enumerated() {
            #expect(try found[i] == vision.forward(picture, with: [2]).map(\.array), "picture \(i)")
        }
    }
}
