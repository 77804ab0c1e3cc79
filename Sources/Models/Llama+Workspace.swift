import Tensors

extension Llama {
    /// Scratch for the tokens that go through the layers together. Used by one thread at a time, for any number of states.
    public final class Workspace: @unchecked Sendable {
        /// Tokens that go through the layers together.
        let rows: Int
        /// Tokens that a state may have seen.
        let capacity: Int
        let x: Tensor  // [rows, D]    hidden states
        let n: Tensor  // [rows, D]    normalised, and results of a sublayer
        let q: Tensor  // [rows, H d]
        let k: Tensor  // [rows, G d]
        let v: Tensor  // [rows, G d]
        let a: Tensor  // [rows, H d]  attention's result
        let gate: Tensor  // [rows, F]
        let up: Tensor  // [rows, F]
        let logits: Tensor  // [most states, V]
        let scores: Tensor  // [most states · H, capacity]
        private let rotary: RotaryTable

        /// - Parameters:
        ///   - capacity: of the largest state.
        ///   - rows: the most tokens of one state that are read together.
        ///   - states: the most states that step together.
        public init(_ model: Llama, capacity: Int, rows: Int = 256, states: Int = 1) {
            let c = model.configuration
            self.capacity = capacity
            self.rows = max(rows, states)
            x = Tensor(self.rows, c.width)
            n = Tensor(self.rows, c.width)
            q = Tensor(self.rows, c.queryWidth)
            k = Tensor(self.rows, c.kvWidth)
            v = Tensor(self.rows, c.kvWidth)
            a = Tensor(self.rows, c.queryWidth)
            gate = Tensor(self.rows, c.hidden)
            up = Tensor(self.rows, c.hidden)
            logits = Tensor(states, c.vocabulary)
            let keys = max(capacity, LlamaAdapter.mostQueries)
            scores = Tensor(states * c.heads, keys)
            rotary = RotaryTable(c, positions: capacity)
        }

        /// Turns the heads of some rows as their positions say, the first of them at `position`.
        func rotate(_ x: Tensor, from first: Int, rows: Int, heads: Int, position: Int) {
            rotary.rotate(x.row(first), rows: rows, stride: x.columns, heads: heads, position: position)
        }
    }
}
