import Checkpoints
import Glibc
import Tensors

// LLaMA (arXiv 2302.13971): RMSNorm before each sublayer, rotary positions, SwiGLU; queries may share keys and
// values (GQA). With an adapter: zero-init gated attention as in LLaMA-Adapter V2 (arXiv 2304.15010), see LlamaAdapter.
//
//   T  tokens of one call        V  vocabulary
//   S  tokens seen so far        D  width, F  feed-forward width
//   H  query heads, G  key/value heads, d  width of a head
//   P  adapter prompts of a layer

/// A LLaMA over weights that stay in their mapped file.
public struct Llama: Sendable {
    public let configuration: LlamaConfiguration
    let embedding: Matrix
    var norm: Tensor
    let output: Matrix
    var layers: [Layer]

    /// The weights of one layer. Biases and low-rank parts are nil but where an adapter adds them.
    struct Layer: Sendable {
        var attentionNorm: Tensor  // [D]
        var wq: Linear  // [H d, D]
        var wk: Linear  // [G d, D]
        var wv: Linear  // [G d, D]
        var wo: Linear  // [D, H d]
        var ffnNorm: Tensor  // [D]
        var w1: Linear  // [F, D]  gate
        var w2: Linear  // [D, F]  down
        var w3: Linear  // [F, D]  up
    }

    /// The model in a GGUF. `ModelError.configuration` or `.weights` says what the file lacks, with every fault.
    public init(gguf: any Checkpoint) throws(ModelError) {
        try self.init(gguf, LlamaConfiguration(gguf: gguf), .gguf)
    }

    /// The model in a file or folder that was opened. Throws as `init(gguf:)` does.
    public init(_ source: LanguageSource) throws(ModelError) {
        try self.init(source.checkpoint, source.configuration, source.keys)
    }

    /// The model in a file with these keys.
    init(_ checkpoint: any Checkpoint, _ c: LlamaConfiguration, _ keys: LlamaKeys) throws(ModelError) {
        let w = WeightReader(checkpoint)
        configuration = c
        embedding = w.matrix(keys.embedding, c.vocabulary, c.width)
        layers = (0..<c.layers).map { i in
            func linear(_ key: String, _ rows: Int, _ columns: Int) -> Linear {
                Linear(weight: w.matrix("\(keys.layer).\(i).\(key).weight", rows, columns))
            }
            func turned(_ key: String, _ rows: Int) -> Linear {
                let key = "\(keys.layer).\(i).\(key).weight"
                guard keys.turnsHalves else { return Linear(weight: w.matrix(key, rows, c.width)) }
                return Linear(
                    weight: w.matrix(key, rows, c.width) { keys.source(ofRow: $0, headSize: c.headSize) })
            }
            for key in keys.ignoredInLayers { w.ignore("\(keys.layer).\(i).\(key)") }
            return Layer(
                attentionNorm: w.tensor("\(keys.layer).\(i).\(keys.attentionNorm).weight", c.width),
                wq: turned(keys.wq, c.queryWidth),
                wk: turned(keys.wk, c.kvWidth),
                wv: linear(keys.wv, c.kvWidth, c.width),
                wo: linear(keys.wo, c.width, c.queryWidth),
                ffnNorm: w.tensor("\(keys.layer).\(i).\(keys.ffnNorm).weight", c.width),
                w1: linear(keys.w1, c.hidden, c.width),
                w2: linear(keys.w2, c.width, c.hidden),
                w3: linear(keys.w3, c.hidden, c.width))
        }
        norm = w.tensor(keys.norm, c.width)
        // Without a matrix of its own the output is tied to the embedding.
        let isTied = keys.isTied ?? !w.names(keys.output)
        output = isTied ? embedding : w.matrix(keys.output, c.vocabulary, c.width)
        for key in keys.ignored { w.ignore(key) }
        w.refuseTheRest()
        try w.check()
    }

    /// Which rows of logits `forward` computes.
    public enum Rows: Sendable { case none, last, all }

    /// Sees the hidden states after layer `i` (0: the embeddings): `rows` rows of [_, D], the first at `position`.
    public typealias Observer = (_ i: Int, _ hidden: Tensor, _ rows: Int, _ position: Int) -> Void

    /// Reads `tokens` after those that `state` has seen, and returns logits: [1, V] of the last token, or [T, V].
    ///
    /// The tensor for `.last` belongs to the state and is overwritten by the next call. Throws `ModelError.token`,
    /// `.contextFull`, or `.notANumber` if the model computes nonsense.
    @discardableResult
    public func forward(
        _ tokens: [Int], _ state: State, logits rows: Rows = .last, observe: Observer? = nil
    ) throws(ModelError) -> Tensor {
        try state.admit(tokens, configuration)
        let w = state.workspace
        let all = rows == .all ? Tensor(tokens.count, configuration.vocabulary) : nil
        var done = 0
        while done < tokens.count {
            let T = min(w.rows, tokens.count - done)
            pass(tokens[done..<done + T], [Segment(state: state, first: 0, rows: T)], w) { i in
                observe?(i, w.x, T, state.position)
            }
            if let all { project(rows: T, from: 0, w, into: all.row(done)) }
            state.position += T
            done += T
            if rows == .last, done == tokens.count { project(rows: 1, from: T - 1, w, into: state.logits.data) }
        }
        let logits = all ?? state.logits
        if rows != .none { try check(logits, state) }
        return logits
    }

    /// Reads one token after what each of several states has seen, all in one pass over the weights, and leaves the logits
    /// in the states. What a state gets does not depend on the others, bit by bit.
    /// - Returns: what `forward` would have thrown, for each state; one that has no room is left as it was.
    public func step(_ tokens: [Int], _ states: [State], _ w: Workspace) -> [ModelError?] {
        precondition(tokens.count == states.count && states.count <= w.logits.rows, "a token for each state")
        var errors: [ModelError?] = zip(tokens, states).map { token, state in
            do throws(ModelError) {
                try state.admit([token], configuration)
                return nil
            } catch { return error }
        }
        let admitted = states.indices.filter { errors[$0] == nil }
        let rows = admitted.count
        if rows == 0 { return errors }
        pass(
            admitted.map { tokens[$0] }[...],
            admitted.enumerated().map { Segment(state: states[$1], first: $0, rows: 1) }, w)
        project(rows: rows, from: 0, w, into: w.logits.data)
        for (row, i) in admitted.enumerated() {
            states[i].position += 1
            states[i].logits.data.update(from: w.logits.row(row), count: configuration.vocabulary)
            do throws(ModelError) { try check(states[i].logits, states[i]) } catch { errors[i] = error }
        }
        return errors
    }

    /// The rows of a pass that belong to one state, which has seen what is before them.
    private struct Segment {
        let state: State
        let first: Int
        let rows: Int
    }

    /// Takes tokens through all layers: hidden states in w.x, keys and values in the states, whose positions stay.
    private func pass(_ tokens: ArraySlice<Int>, _ segments: [Segment], _ w: Workspace, observe: (Int) -> Void = { _ in }) {
        for (t, token) in tokens.enumerated() { embedding.row(token, into: w.x.row(t)) }
        observe(0)
        for i in layers.indices {
            attention(i, rows: tokens.count, segments, w)
            feedForward(i, rows: tokens.count, w)
            observe(i + 1)
        }
    }

    /// x += wo · attention(wq · n, wk · n, wv · n), n = rms(x)
    private func attention(_ i: Int, rows T: Int, _ segments: [Segment], _ w: Workspace) {
        let layer = layers[i]
        let c = configuration
        Math.rmsNorm(w.x, rows: T, weight: layer.attentionNorm, eps: c.normEps, into: w.n)
        Linear.apply([(layer.wq, w.q), (layer.wk, w.k), (layer.wv, w.v)], to: w.n, rows: T)
        for segment in segments {
            let (s, first, rows) = (segment.state, segment.first, segment.rows)
            w.rotate(w.q, from: first, rows: rows, heads: c.heads, position: s.position)
            w.rotate(w.k, from: first, rows: rows, heads: c.kvHeads, position: s.position)
            s.keys[i].row(s.position).update(from: w.k.row(first), count: rows * c.kvWidth)
            s.values[i].row(s.position).update(from: w.v.row(first), count: rows * c.kvWidth)
        }
        // On several threads if the work (queries times keys) is worth it.
        let work = segments.reduce(0) { $0 + $1.rows * ($1.state.position + $1.rows) }
        let tasks = segments.count * c.heads
        func task(_ j: Int) { head(j % c.heads, i, segments, j / c.heads, w) }
        if work > 32 { ThreadPool.shared.run(tasks, task) } else { for j in 0..<tasks { task(j) } }
        layer.wo(w.a, rows: T, into: w.n)
        Math.add(w.x, w.n, rows: T, into: w.x)
    }

    /// What head `h` of layer `i` reads for the rows of one segment.
    private func head(_ h: Int, _ i: Int, _ segments: [Segment], _ number: Int, _ w: Workspace) {
        let c = configuration
        let (segment, at) = (segments[number], h * c.headSize)
        let (s, q, a) = (segment.state, w.q.row(segment.first) + at, w.a.row(segment.first) + at)
        attend(keyed(h, s.keys[i], s.values[i]), s.position + 1, true, 1, false)
        guard let prompts = s.prompts?.layer(i) else { return }
        // The prompts have a softmax of their own; a gate per head says how much of it counts.
        attend(keyed(h, prompts.keys, prompts.values), prompts.keys.rows, false, prompts.factors[h], true)

        func attend(_ head: AttentionHead, _ seen: Int, _ causal: Bool, _ factor: Float, _ adding: Bool) {
            if segment.rows == 1 {
                let scores = w.scores.row(number * c.heads + h)
                head.attend(q, seen: seen, factor: factor, adding: adding, scores: scores, into: a)
            } else {
                head.attend(
                    q, stride: c.queryWidth, rows: segment.rows, seen: seen, causal: causal, factor: factor, adding: adding,
                    into: a, outStride: c.queryWidth)
            }
        }
    }

    /// x += w2 · (silu(w1 · n) ⊙ w3 · n), n = rms(x)
    private func feedForward(_ i: Int, rows T: Int, _ w: Workspace) {
        let layer = layers[i]
        Math.rmsNorm(w.x, rows: T, weight: layer.ffnNorm, eps: configuration.normEps, into: w.n)
        Linear.apply([(layer.w1, w.gate), (layer.w3, w.up)], to: w.n, rows: T)
        Math.siluMultiply(w.gate, w.up, rows: T, into: w.gate)
        layer.w2(w.gate, rows: T, into: w.n)
        Math.add(w.x, w.n, rows: T, into: w.x)
    }

    /// logits = output · rms(x) for rows of x from `first`.
    private func project(rows: Int, from first: Int, _ w: Workspace, into logits: UnsafeMutablePointer<Float>) {
        let (D, V) = (configuration.width, configuration.vocabulary)
        Math.rmsNorm(w.x, rows: first + rows, weight: norm, eps: configuration.normEps, into: w.n)
        Math.linear(w.n.row(first), stride: D, rows: rows, output, into: logits, stride: V)
    }

    /// One bad value anywhere upstream makes every logit of a row bad: looking at the first and the last is enough.
    private func check(_ logits: Tensor, _ state: State) throws(ModelError) {
        for i in 0..<logits.rows where !logits.row(i)[0].isFinite || !logits.row(i)[logits.columns - 1].isFinite {
            throw .notANumber(position: state.position)
        }
    }

    /// Head `h` over rows of keys and values [_, G d].
    private func keyed(_ h: Int, _ keys: Tensor, _ values: Tensor) -> AttentionHead {
        let c = configuration
        let at = h * c.kvHeads / c.heads * c.headSize
        return AttentionHead(
            size: c.headSize, keys: keys.data + at, keyStride: c.kvWidth, values: values.data + at,
            valueStride: c.kvWidth)
    }
}
