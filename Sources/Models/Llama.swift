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
        let all = rows == .all ? Tensor(tokens.count, configuration.vocabulary) : nil
        var done = 0
        while done < tokens.count {
            let T = min(state.chunk, tokens.count - done)
            for t in 0..<T { embedding.row(tokens[done + t], into: state.x.row(t)) }
            observe?(0, state.x, T, state.position)
            for i in layers.indices {
                attention(i, rows: T, state)
                feedForward(i, rows: T, state)
                observe?(i + 1, state.x, T, state.position)
            }
            if let all { try project(rows: T, from: 0, state, into: all.row(done)) }
            state.position += T
            done += T
            if rows == .last, done == tokens.count { try project(rows: 1, from: T - 1, state, into: state.logits.data) }
        }
        return all ?? state.logits
    }

    /// x += wo · attention(wq · n, wk · n, wv · n), n = rms(x)
    private func attention(_ i: Int, rows T: Int, _ s: State) {
        let layer = layers[i]
        let c = configuration
        Math.rmsNorm(s.x, rows: T, weight: layer.attentionNorm, eps: c.normEps, into: s.n)
        Linear.apply([(layer.wq, s.q), (layer.wk, s.k), (layer.wv, s.v)], to: s.n, rows: T)
        for t in 0..<T {
            s.rotate(s.q.row(t), heads: c.heads, position: s.position + t)
            s.rotate(s.k.row(t), heads: c.kvHeads, position: s.position + t)
        }
        s.keys[i].row(s.position).update(from: s.k.data, count: T * c.kvWidth)
        s.values[i].row(s.position).update(from: s.v.data, count: T * c.kvWidth)
        let prompts = s.prompts?.layer(i)
        s.perHead(work: T * (s.position + T)) { h in
            let at = h * c.headSize
            let words = head(h, s.keys[i], s.values[i])
            words.attend(
                s.q.data + at, stride: c.queryWidth, rows: T, seen: s.position + 1, causal: true,
                scores: s.scores(h), into: s.a.data + at, outStride: c.queryWidth)
            guard let prompts else { return }
            // The prompts have a softmax of their own; a gate per head says how much of it counts.
            head(h, prompts.keys, prompts.values).attend(
                s.q.data + at, stride: c.queryWidth, rows: T, seen: prompts.keys.rows, causal: false,
                factor: prompts.factors[h], adding: true,
                scores: s.scores(h), into: s.a.data + at, outStride: c.queryWidth)
        }
        layer.wo(s.a, rows: T, into: s.n)
        Math.add(s.x, s.n, rows: T, into: s.x)
    }

    /// x += w2 · (silu(w1 · n) ⊙ w3 · n), n = rms(x)
    private func feedForward(_ i: Int, rows T: Int, _ s: State) {
        let layer = layers[i]
        Math.rmsNorm(s.x, rows: T, weight: layer.ffnNorm, eps: configuration.normEps, into: s.n)
        Linear.apply([(layer.w1, s.gate), (layer.w3, s.up)], to: s.n, rows: T)
        Math.siluMultiply(s.gate, s.up, rows: T, into: s.gate)
        layer.w2(s.gate, rows: T, into: s.n)
        Math.add(s.x, s.n, rows: T, into: s.x)
    }

    /// logits = output · rms(x) for rows of x from `first`.
    private func project(
        rows: Int, from first: Int, _ s: State, into logits: UnsafeMutablePointer<Float>
    ) throws(ModelError) {
        let (D, V) = (configuration.width, configuration.vocabulary)
        Math.rmsNorm(s.x, rows: first + rows, weight: norm, eps: configuration.normEps, into: s.n)
        Math.linear(s.n.row(first), stride: D, rows: rows, output, into: logits, stride: V)
        // One bad value anywhere upstream makes every logit bad: looking at the first and the last is enough.
        guard logits[0].isFinite, logits[rows * V - 1].isFinite else { throw .notANumber(position: s.position) }
    }

    /// Head `h` over rows of keys and values [_, G d].
    private func head(_ h: Int, _ keys: Tensor, _ values: Tensor) -> AttentionHead {
        let c = configuration
        let at = h * c.kvHeads / c.heads * c.headSize
        return AttentionHead(
            size: c.headSize, keys: keys.data + at, keyStride: c.kvWidth, values: values.data + at,
            valueStride: c.kvWidth)
    }
}
