import Glibc
import Models
import Tensors

/// What a layer remembers of texts that are written word by word.
struct LayerMemory {
    let promptK: Tensor  // [rows of all prompts, G d]
    let promptV: Tensor
    let k: Tensor  // [texts · longest, G d]
    let v: Tensor
    /// Keys and values of the layer's own prompts, if it has any.
    let prompts: TunedLayer.Prompts?
}

/// One more word in each text that goes on.
struct SampleStep {
    let batch: Batch
    /// For each row its text, by whose number the layers remember it.
    let slots: [Int]
    /// For each row those of its prompt.
    let prompts: [Range<Int>]
    /// Words that each text has already.
    let done: Int
    /// Words that a text may have.
    let longest: Int
}

extension AdapterNetwork {
    /// How texts are written.
    struct Sampling: Sendable {
        /// Texts for each example.
        var count = 1
        /// Tokens of a text at most, what ends it included.
        var longest = 32
        var stop: Int
        /// Draw from the model's own distribution (of the narrowed vocabulary, if there is one); else the best token.
        var seed: UInt64?
    }

    /// What the model writes after each example's prompt; texts that ended have the stop token.
    ///
    /// The same numbers as in learning, but for the order of sums: what is drawn is drawn from what is trained.
    func sample(_ examples: [Example], _ wanted: Sampling) throws(TrainingError) -> [[[Int]]] {
        if examples.isEmpty { return [] }
        space.reset()
        let K = wanted.count
        let texts = examples.count * K
        let batch = Batch(examples.map { Example(features: $0.features, prompt: $0.prompt, continuations: []) })
        prepare(positions: batch.length + wanted.longest)
        let (visual, _) = visualTokens(batch)
        var x = embed(batch)
        var memories: [LayerMemory] = []
        for layer in layers {
            let (next, saved) = layer.forward(x, visual: visual, batch, rotary, space)
            memories.append(
                LayerMemory(
                    promptK: saved.k, promptV: saved.v,
                    k: space.tensor(texts * wanted.longest, configuration.kvWidth),
                    v: space.tensor(texts * wanted.longest, configuration.kvWidth), prompts: saved.prompts))
            x = next
        }
        var written = [[Int]](repeating: [], count: texts)
        var random = (0..<texts).map { SplitMix64((wanted.seed ?? 0) &+ UInt64($0) &* 0x5851_f42d_4c95_7f2d) }
        var going = Array(0..<texts)
        var rows = going.map { batch.examples[$0 / K].rows.upperBound - 1 }
        let states = space.tensor(texts, configuration.width)
        for done in 0..<wanted.longest {
            let tokens = try next(x, rows, done == 0 ? K : 1, narrowly: wanted.seed != nil) { row, probabilities in
                wanted.seed == nil ? nil : random[going[row]].draw(probabilities)
            }
            for (slot, token) in zip(going, tokens) { written[slot].append(token) }
            going = going.filter { written[$0].last != wanted.stop }
            if going.isEmpty || done + 1 == wanted.longest { break }
            let mark = space.mark()
            let step = SampleStep(
                batch: Batch(
                    step: going.compactMap { written[$0].last },
                    positions: going.map { batch.examples[$0 / K].rows.count + done },
                    rows: Self.runs(going.map { $0 / K }, examples.count)),
                slots: going, prompts: going.map { batch.examples[$0 / K].rows }, done: done, longest: wanted.longest)
            let size = going.count * configuration.width
            states.data.update(from: embed(step.batch).data, count: size)
            for (layer, memory) in zip(layers, memories) {
                states.data.update(from: layer.follow(states, step, memory, rotary, space).data, count: size)
                space.release(to: mark)
            }
            (x, rows) = (states, Array(0..<going.count))
        }
        return (0..<examples.count).map { Array(written[$0 * K..<($0 + 1) * K]) }
    }

    /// The token after each of these rows of hidden states. `draw` chooses by probabilities, which it may change; nil
    /// leaves it with the best one. Rows come in runs of `same` equal ones, which are computed once.
    private func next(
        _ x: Tensor, _ rows: [Int], _ same: Int, narrowly: Bool, draw: (Int, UnsafeMutableBufferPointer<Float>) -> Int?
    ) throws(TrainingError) -> [Int] {
        let mark = space.mark()
        defer { space.release(to: mark) }
        let D = configuration.width
        let narrowed = narrowly ? narrowed : nil
        let (matrix, ids) = (narrowed?.output ?? output, narrowed?.tokens)
        let count = rows.count / same
        let (hidden, normed, logits) = (
            space.tensor(count, D), space.tensor(count, D), space.tensor(count, matrix.outputs)
        )
        for i in 0..<count { hidden.row(i).update(from: x.row(rows[i * same]), count: D) }
        Math.rmsNorm(hidden, rows: count, weight: norm.weight, eps: configuration.normEps, into: normed)
        matrix.forward(normed.data, rows: count, into: logits.data)
        ThreadPool.shared.run(count) { Math.softmax(logits.row($0), count: matrix.outputs) }
        var tokens: [Int] = []
        for r in rows.indices {
            let row = UnsafeMutableBufferPointer(start: logits.row(r / same), count: matrix.outputs)
            var place = 0
            for i in row.indices where row[i] > row[place] { place = i }
            guard row[place].isFinite, row[place] > 0 else { throw .notANumber(what: "probabilities of sampled words") }
            place = draw(r, row) ?? place
            tokens.append(ids.map { $0[place] } ?? place)
        }
        return tokens
    }

    /// For each of `count` examples its rows, given each row's example in order.
    private static func runs(_ owners: [Int], _ count: Int) -> [Range<Int>] {
        var start = 0
        return (0..<count).map { example in
            let rows = owners[start...].prefix { $0 == example }.count
            defer { start += rows }
            return start..<start + rows
        }
    }
}

extension SplitMix64 {
    /// An index, by its share of the sum.
    fileprivate mutating func draw(_ probabilities: UnsafeMutableBufferPointer<Float>) -> Int {
        let total = probabilities.reduce(0) { $0 + Double($1) }
        let aim = unit() * total
        var sum = 0.0
        for (i, p) in probabilities.enumerated() {
            sum += Double(p)
            if aim < sum { return i }
        }
        return probabilities.count - 1
    }
}
