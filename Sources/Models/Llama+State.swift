import Tensors

extension Llama {
    /// What a conversation has made the model remember, and the scratch of its next step. Used by one thread at a time.
    public final class State: @unchecked Sendable {
        /// Tokens that fit.
        public let capacity: Int
        /// Tokens seen; set it back to forget the last ones.
        public internal(set) var position = 0
        /// Adapter prompts of the picture that the conversation is about, if any.
        public var prompts: AdapterPrompts?

        /// Tokens that go through the layers together.
        let chunk: Int
        let keys: [Tensor]  // per layer [capacity, G d], rotated
        let values: [Tensor]  // per layer [capacity, G d]
        let x: Tensor  // [chunk, D]    hidden states
        let n: Tensor  // [chunk, D]    normalised, and results of a sublayer
        let q: Tensor  // [chunk, H d]
        let k: Tensor  // [chunk, G d]
        let v: Tensor  // [chunk, G d]
        let a: Tensor  // [chunk, H d]  attention's result
        let gate: Tensor  // [chunk, F]
        let up: Tensor  // [chunk, F]
        let logits: Tensor  // [1, V]
        private let scratch: Tensor  // [H, block, capacity]
        private let rotary: RotaryTable
        private let configuration: LlamaConfiguration

        /// Room for `capacity` tokens; memory is committed as it is used. Throws `ModelError.contextFull` if the model
        /// was not made for so many.
        public init(_ model: Llama, capacity: Int, chunk: Int = 256) throws(ModelError) {
            let c = model.configuration
            guard capacity > 0, capacity <= c.context else { throw .contextFull(capacity: c.context, needed: capacity) }
            self.capacity = capacity
            self.chunk = min(max(1, chunk), capacity)
            configuration = c
            keys = (0..<c.layers).map { _ in Tensor(capacity, c.kvWidth) }
            values = (0..<c.layers).map { _ in Tensor(capacity, c.kvWidth) }
            x = Tensor(self.chunk, c.width)
            n = Tensor(self.chunk, c.width)
            q = Tensor(self.chunk, c.queryWidth)
            k = Tensor(self.chunk, c.kvWidth)
            v = Tensor(self.chunk, c.kvWidth)
            a = Tensor(self.chunk, c.queryWidth)
            gate = Tensor(self.chunk, c.hidden)
            up = Tensor(self.chunk, c.hidden)
            logits = Tensor(1, c.vocabulary)
            scratch = AttentionHead.scratch(heads: c.heads, keys: max(capacity, LlamaAdapter.mostQueries))
            rotary = RotaryTable(c, positions: capacity)
        }

        /// Forgets everything, prompts included.
        public func reset() {
            position = 0
            prompts = nil
        }

        /// Forgets all tokens but the first `position`.
        public func rewind(to position: Int) {
            precondition((0...self.position).contains(position), "rewind to \(position) of \(self.position)")
            self.position = position
        }

        func admit(_ tokens: [Int], _ c: LlamaConfiguration) throws(ModelError) {
            guard position + tokens.count <= capacity else {
                throw .contextFull(capacity: capacity, needed: position + tokens.count)
            }
            for token in tokens where !(0..<c.vocabulary).contains(token) {
                throw .token(id: token, vocabulary: c.vocabulary)
            }
        }

        /// Scores of head `h`: [block, capacity].
        func scores(_ h: Int) -> UnsafeMutablePointer<Float> {
            scratch.data + h * AttentionHead.block * scratch.columns
        }

        /// Calls `body` for each query head, on several threads if the work (queries times keys) is worth it.
        func perHead(work: Int, _ body: (Int) -> Void) {
            if work > 256 {
                ThreadPool.shared.run(configuration.heads, body)
            } else {
                for h in 0..<configuration.heads { body(h) }
            }
        }

        /// Turns every head in a row as its position says.
        func rotate(_ row: UnsafeMutablePointer<Float>, heads: Int, position: Int) {
            rotary.rotate(row, heads: heads, position: position)
        }
    }
}
