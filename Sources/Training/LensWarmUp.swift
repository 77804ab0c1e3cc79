import Glibc
import Models
import Tensors

/// A warm start of the visual projection that needs no pass through the language model.
///
/// The language model does not read visual tokens that mean nothing to it, and tokens that are not read get hardly a
/// gradient: left alone, grounding starts late. So the tokens are first taught to say which words a picture's captions
/// have, in the very directions in which the layers will write them: a visual token v adds
/// Σ tanh(gate) · wo · wv · v to the hidden state, whose product with the output embedding is a word's logit. That map
/// is frozen and serves as the classifier ("lens"); nothing of it is kept.
public final class LensWarmUp {
    public struct Settings: Sendable, Equatable {
        public var steps = 300
        /// Pictures in a step.
        public var batch = 32
        /// How many of the layers that read visual tokens the lens looks through, from the last.
        public var layers = 8
        /// The most frequent words, as tokens; those in most captions or hardly any are left out.
        public var words = 4000
        public var rate: Float = 1e-3
        public var decay: Float = 0.05
        /// Features of a picture that are looked at, chosen anew each time: fewer are faster and overfit less.
        public var features = 129
        /// The share of a picture's feature columns that is left out, chosen anew each time.
        public var dropout: Float = 0

        public init() {}
    }

    /// What a step reports: mean loss per picture, in nats, over the words.
    public typealias Report = (_ step: Int, _ loss: Double) -> Void

    private let network: AdapterNetwork
    private let settings: Settings
    private let seed: UInt64
    /// The tokens that are predicted, and each picture's share of captions that have them.
    private let words: [Int]
    private let targets: [[(word: Int, share: Float)]]
    private let lens: Tensor  // [W, D]
    private let bias: Parameter  // [W]

    /// Fewest pictures that a word must occur in, and the largest share of them.
    private static let (rarest, commonest) = (8, 0.5)

    /// - Parameter captions: for each picture its captions as tokens.
    public init(_ network: AdapterNetwork, _ settings: Settings, seed: UInt64, captions: [[[Int]]])
        throws(TrainingError)
    {
        (self.network, self.settings, self.seed) = (network, settings, seed)
        var pictures: [Int: Int] = [:]
        for list in captions {
            for token in Set(list.joined()) { pictures[token, default: 0] += 1 }
        }
        let most = Int(Self.commonest * Double(captions.count))
        let frequent = pictures.filter { $0.value >= Self.rarest && $0.value <= most }
            .sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        words = frequent.prefix(settings.words).map(\.key)
        guard !words.isEmpty else {
            throw .plan(["lens: expected words that \(Self.rarest) pictures or more share, found none"])
        }
        let places = Dictionary(uniqueKeysWithValues: words.enumerated().map { ($1, $0) })
        targets = captions.map { list in
            var shares: [Int: Float] = [:]
            for caption in list {
                for place in Set(caption.compactMap { places[$0] }) {
                    shares[place, default: 0] += 1 / Float(list.count)
                }
            }
            return shares.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
        lens = try network.lens(words, layers: settings.layers, captions: captions)
        var prior = [Float](repeating: 1e-4, count: words.count)
        for list in targets {
            for (word, share) in list { prior[word] += share / Float(captions.count) }
        }
        bias = Parameter(
            "lens.bias", .bias, .visual, Tensor(prior.map { logf($0 / max(0.01, 1 - $0)) }, [words.count]))
        bias.isTrained = true
        bias.isActive = true
    }

    /// Trains the visual projection. `features` gives a picture's, or nil where it has none, for a step's random bits.
    public func run(features: (Int, UInt64) throws -> Tensor?, report: Report) throws {
        guard let projection = network.projection else { return }
        let trained = projection.parameters.filter(\.isTrained)
        let optimizer = AdamW(trained + [bias], .init(decay: settings.decay))
        network.activate([.visual])
        var plan = TrainingPlan()
        (plan.steps, plan.warmUp) = (settings.steps, min(20, settings.steps / 4 + 1))
        var deck = Deck(count: targets.count, seed: seed)
        for step in 0..<settings.steps {
            var random = SplitMix64(seed &+ UInt64(step) &* 0x5851_f42d_4c95_7f2d)
            var list: [(picture: Int, features: Tensor)] = []
            for drawn in deck.draw(settings.batch, step: step) {
                guard let whole = try features(drawn.index, random.next()) else { continue }
                let some = whole.someFeatures(settings.features, &random)
                list.append((drawn.index, some.droppingColumns(settings.dropout, &random)))
            }
            let loss = learn(list, projection, &random)
            guard loss.isFinite else { throw TrainingError.notANumber(what: "warm start, step \(step), loss") }
            let length = try AdamW.length(trained + [bias])
            let share = plan.schedule(step)
            optimizer.step(trained + [bias], length: length) { [settings, bias] in
                ($0 === bias ? 3 : 1) * settings.rate * share
            }
            report(step + 1, loss)
        }
    }

    private func learn(
        _ list: [(picture: Int, features: Tensor)], _ projection: VisualProjection, _ random: inout SplitMix64
    ) -> Double {
        let space = network.space
        space.reset()
        let (S, Q, D, W) = (list.count, projection.queries, lens.columns, words.count)
        let (visual, saved) = projection.forward(list.map(\.features), space)
        // A random mean of the tokens: each must say what it can, whichever the words will look at.
        var weights: [Float] = []
        for _ in 0..<S {
            let row = Tensor((0..<Q).map { _ in 2 * random.normal() }, [Q])
            Math.softmax(row.data, count: Q)
            weights += row.array
        }
        let mean = space.zeros(S, D)
        for s in 0..<S { for q in 0..<Q { Math.axpy(weights[s * Q + q], visual.row(s * Q + q), mean.row(s), D) } }
        let logits = space.tensor(S, W)
        Dense.forward(mean.data, rows: S, inputs: D, lens.data, outputs: W, bias: bias.value.data, into: logits.data)
        var loss = 0.0
        for (s, item) in list.enumerated() {
            let row = logits.row(s)
            var expected = [Float](repeating: 0, count: W)
            for (word, share) in targets[item.picture] { expected[word] = share }
            for w in 0..<W {
                let x = row[w]
                // −t log σ(x) − (1 − t) log σ(−x)
                loss += Double(max(x, 0) - x * expected[w] + log1pf(expf(-abs(x))))
                row[w] = (1 / (1 + expf(-x)) - expected[w]) / Float(S)
            }
        }
        if let sink = bias.sink { Dense.bias(logits.data, rows: S, outputs: W, into: sink.data) }
        let dMean = space.tensor(S, D)
        Dense.input(logits.data, rows: S, outputs: W, lens.data, inputs: D, into: dMean.data, adding: false)
        let dVisual = space.zeros(S * Q, D)
        for s in 0..<S { for q in 0..<Q { Math.axpy(weights[s * Q + q], dMean.row(s), dVisual.row(s * Q + q), D) } }
        projection.backward(dVisual, saved, examples: S, space)
        return loss / Double(max(1, S))
    }
}

extension AdapterNetwork {
    /// [W, D]: how much a visual token adds to the logits of words through the last `count` layers that read it, as the
    /// gates now are, if the hidden state has the size that it has in captions.
    func lens(_ words: [Int], layers count: Int, captions: [[[Int]]]) throws(TrainingError) -> Tensor {
        let reading = layers.indices.filter { layers[$0].prompted?.readsVisual == true }.suffix(count)
        let (D, H, G, d) = (configuration.width, configuration.heads, configuration.kvHeads, configuration.headSize)
        let map = Tensor(D, D)
        let values = Tensor(H * d, D)
        for i in reading {
            guard let prompted = layers[i].prompted else { continue }
            let weights = base.weights(ofLayer: i)
            let wv = weights.wv.dequantised()
            let wo = weights.wo.dequantised()
            for (h, factor) in prompted.factors.enumerated() {
                for row in 0..<d {
                    let from = wv.row(h * G / H * d + row)
                    let to = values.row(h * d + row)
                    for c in 0..<D {
                        let size = prompted.isNormed ? layers[i].attentionNorm.weight.data[c] / plan.outputScale : 1
                        to[c] = factor * size * from[c]
                    }
                }
            }
            Math.gemm(
                m: D, n: D, k: H * d, a: wo.data, lda: H * d, b: values.data, ldb: D, c: map.data, ldc: D,
                beta: 1)
        }
        let size = try hiddenSize(captions)
        let mean = Tensor(D)
        let output = base.outputWeight.dequantised()
        for v in 0..<output.rows { Math.axpy(1 / Float(output.rows), output.row(v), mean.data, D) }
        let directions = Tensor(words.count, D)
        for (i, word) in words.enumerated() {
            for c in 0..<D {
                directions.row(i)[c] = (output.row(word)[c] - mean.data[c]) * norm.weight.data[c] / size
            }
        }
        let lens = Tensor(words.count, D)
        Math.gemm(
            m: words.count, n: D, k: D, a: directions.data, lda: D, b: map.data, ldb: D, c: lens.data, ldc: D)
        return lens
    }

    /// The median length, over √D, of the last hidden states of some captions without a picture.
    private func hiddenSize(_ captions: [[[Int]]]) throws(TrainingError) -> Float {
        let examples = captions.prefix(16).compactMap { list in
            list.first.flatMap { $0.count > 1 ? Example(prompt: Array($0.dropLast()), continuations: [[$0[0]]]) : nil }
        }
        guard !examples.isEmpty else { throw .plan(["lens: expected captions of two tokens or more, found none"]) }
        let (x, rows) = hidden(examples)
        let sizes = (0..<rows).map { (Math.dot(x.row($0), x.row($0), x.columns) / Float(x.columns)).squareRoot() }
        return sizes.sorted()[rows / 2]
    }
}
