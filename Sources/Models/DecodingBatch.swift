import Locks
import Tensors

/// Lets several threads write with one model at the same time: what they read next goes through the weights together
/// (continuous batching, as Orca has it, OSDI 2022: sequences join and leave between steps).
///
/// A thread works as if it were alone. When all who are writing want their next token, one of them takes the step for all.
/// What a sequence gets does not depend on its company.
public final class DecodingBatch: Sendable {
    private final class Wish: @unchecked Sendable {
        let token: Int
        let state: Llama.State
        // Both are guarded by the monitor.
        var isDone = false
        var error: ModelError?

        init(token: Int, state: Llama.State) { (self.token, self.state) = (token, state) }
    }

    private struct Desk {
        /// Somebody computes.
        var isBusy = false
        /// Sequences that are being written.
        var writing = 0
        var wishes: [Wish] = []
    }

    /// The most sequences.
    public let most: Int
    /// Bytes that the memory of all of them may have, more than one sequence's.
    private static let mostBytes = 1 << 30
    private let llama: Llama
    private let workspace: Llama.Workspace
    private let desk = Monitor(Desk())
    private let free: Locked<[Llama.State]>

    /// States of `capacity` tokens for at most `most` threads, fewer if so many would need more than a gibibyte. Their memory
    /// is committed as it is used. Throws as `Llama.State.init` does.
    public init(_ llama: Llama, capacity: Int, most: Int) throws(ModelError) {
        self.llama = llama
        let c = llama.configuration
        let bytes = 2 * c.layers * c.kvWidth * max(1, min(capacity, c.context)) * 4
        self.most = max(1, min(most, Self.mostBytes / bytes))
        guard capacity > 0, capacity <= c.context else { throw .contextFull(capacity: c.context, needed: capacity) }
        workspace = Llama.Workspace(llama, capacity: capacity, rows: min(256, capacity), states: self.most)
        var states: [Llama.State] = []
        for _ in 0..<self.most { states.append(try Llama.State(llama, capacity: capacity, workspace)) }
        free = Locked(states)
    }

    /// Lends one of the states, forgotten. No more than `most` threads may hold one.
    public func withState<Result>(_ body: (Llama.State) throws -> Result) rethrows -> Result {
        guard let state = free.withLock({ $0.popLast() }) else {
            preconditionFailure("more than \(most) threads in a batch of \(most)")
        }
        defer { free.withLock { $0.append(state) } }
        state.reset()
        return try body(state)
    }

    /// A state of one's own, to be used within `alone`. Throws as `Llama.State.init` does.
    public func state(capacity: Int) throws(ModelError) -> Llama.State {
        try Llama.State(llama, capacity: capacity, workspace)
    }

    /// Computes while nobody else does: a prompt, a picture's prompts. Not to be called within `body`.
    public func alone<Result>(_ body: () throws -> Result) rethrows -> Result {
        desk.wait { desk -> Void? in
            if desk.isBusy { return nil }
            desk.isBusy = true
            return ()
        }
        defer { desk.change { $0.isBusy = false } }
        return try body()
    }

    /// From the end of the prompt to the end of the answer: the others wait for this sequence's next token.
    func write<Result>(_ body: () throws -> Result) rethrows -> Result {
        desk.change { $0.writing += 1 }
        defer { desk.change { $0.writing -= 1 } }
        return try body()
    }

    /// Reads a token, together with those of all others who write; the logits are in the state then.
    func step(_ token: Int, _ state: Llama.State) throws(ModelError) {
        let wish = Wish(token: token, state: state)
        desk.change { $0.wishes.append(wish) }
        let mine = desk.wait { desk -> [Wish]? in
            if wish.isDone { return [] }
            guard !desk.isBusy, desk.wishes.count >= desk.writing else { return nil }
            desk.isBusy = true
            defer { desk.wishes = [] }
            return desk.wishes
        }
        if !mine.isEmpty {
            let errors = llama.step(mine.map(\.token), mine.map(\.state), workspace)
            desk.change { desk in
                for (wish, error) in zip(mine, errors) { (wish.isDone, wish.error) = (true, error) }
                desk.isBusy = false
            }
        }
        if let error = wish.error { throw error }
    }
}
