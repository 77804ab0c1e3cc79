import Checkpoints
import Models
import Tensors

/// A frozen LLaMA with a trainable adapter: the loss of examples and its gradients in the adapter's parameters.
///
/// Frozen weights are made ready for products of many rows once and get no gradient. Not for use by two threads at a time; the work
/// inside a step is spread over the shared pool.
public final class AdapterNetwork {
    public let plan: AdapterPlan
    public let configuration: LlamaConfiguration
    /// In the order of the adapter's file.
    public let parameters: [Parameter]
    let layers: [TunedLayer]
    let projection: VisualProjection?
    private let embedding: Matrix  // [V, D]
    let output: FrozenWeight  // [V, D]
    let base: Llama
    private let precision: Precision
    /// What learning uses in place of `output`, if the vocabulary is narrowed.
    private(set) var narrowed: (output: FrozenWeight, tokens: [Int], rows: [Int: Int])?
    private(set) var norm: NormWeight
    private(set) var rotary: RotaryTable
    let space = Workspace()
    private let cache: HiddenCache?
    /// Compute layers again for their gradients, instead of keeping what they computed: less memory, a third more time.
    public var recomputes = false

    /// An adapter of this plan, fresh from a seed.
    public convenience init(
        _ base: Llama, _ plan: AdapterPlan, seed: UInt64, precision: Precision = .float32
    ) throws(TrainingError) {
        try self.init(base, plan, .fresh(seed: seed), precision)
    }

    /// The adapter in a checkpoint, or the groups of it that are wanted; the others are fresh. Keys that the checkpoint
    /// lacks are faults.
    public convenience init(
        _ base: Llama, _ plan: AdapterPlan, from checkpoint: any Checkpoint,
        groups: Set<ParameterGroup> = Set(ParameterGroup.allCases), seed: UInt64 = 0, precision: Precision = .float32
    ) throws(TrainingError) {
        try self.init(base, plan, .file(checkpoint, groups, seed: seed), precision)
    }

    private init(
        _ base: Llama, _ plan: AdapterPlan, _ source: AdapterParameters.Source, _ precision: Precision
    ) throws(TrainingError) {
        let c = base.configuration
        var faults = plan.faults(layers: c.layers)
        if precision == .bfloat16, !NarrowMatrix.isAvailable {
            faults.append("precision: expected float32 on this processor, found bfloat16, which it cannot multiply")
        }
        guard faults.isEmpty else { throw .plan(faults) }
        self.plan = plan
        configuration = c
        var make = AdapterParameters(source)
        projection = plan.visual.map { make.projection($0, width: c.width, outputScale: plan.outputScale) }
        layers = (0..<c.layers).map { TunedLayer(base.weights(ofLayer: $0), c, precision) }
        norm = NormWeight(base: base.outputNorm)
        make.prompts(plan, layers)
        make.tuning(plan, layers)
        if plan.norms, plan.tunedLayers > 0 {
            norm.parameter = make.take(
                "llama.norm.weight", [c.width], .norm, .tuning, .copy(base.outputNorm), isOptional: true)
        }
        guard make.faults.isEmpty else { throw .adapter(make.faults) }
        parameters = make.all
        embedding = base.embeddingWeight
        output = FrozenWeight(base.outputWeight, precision)
        (self.base, self.precision) = (base, precision)
        rotary = RotaryTable(c, positions: 128)
        cache = precision == .bfloat16 ? HiddenCache() : nil
    }

    /// Lets the next batches change the trained parameters of these groups, and no others.
    func activate(_ groups: Set<ParameterGroup>) {
        for parameter in parameters { parameter.isActive = parameter.isTrained && groups.contains(parameter.group) }
    }

    /// The sum over learned tokens of their negative log-likelihood, divided by `divisor`; adds its gradients to the
    /// active parameters'. Throws `TrainingError.notANumber` before any gradient is added if the loss is none.
    ///
    /// `once`: these texts will not come again, so nothing of them is kept.
    func learn(_ examples: [Example], divisor: Int, once: Bool = false) throws(TrainingError) -> Double {
        space.reset()
        let batch = Batch(examples)
        prepare(positions: batch.length)
        let trainsProjection = projection?.isActive == true && batch.hasPictures
        let lowest =
            layers.indices.first { layers[$0].isActive(visual: trainsProjection) } ?? layers.count
        let (visual, savedVisual) = visualTokens(batch)

        let untouched = cache == nil ? 0 : min(lowest, firstTouched)
        var x = untouched > 0 ? cached(examples, batch, below: untouched, keeping: !once) : embed(batch)
        var saved: [TunedLayer.Saved] = []
        var inputs: [Tensor] = []
        for (i, layer) in layers.enumerated().dropFirst(untouched) {
            if i >= lowest && !recomputes {
                let (next, kept) = layer.forward(x, visual: visual, batch, rotary, space)
                saved.append(kept)
                x = next
            } else {
                inputs.append(x)
                x = through(layer, x, visual, batch, keepsInput: i >= lowest)
            }
        }
        let d = space.zeros(batch.rows, configuration.width)
        let loss = try head(x, batch, divisor: divisor, into: d)
        guard lowest < layers.count else { return loss }

        let dVisual =
            trainsProjection ? visual.map { space.zeros(batch.examples.count * plan.visualTokens, $0.columns) } : nil
        for i in stride(from: layers.count - 1, through: lowest, by: -1) {
            let mark = space.mark()
            let kept =
                recomputes
                ? layers[i].forward(inputs[i - untouched], visual: visual, batch, rotary, space).1 : saved[i - lowest]
            layers[i].backward(d, kept, dVisual: dVisual, isLowest: i == lowest, batch, rotary, space)
            space.release(to: mark)
        }
        if let dVisual, let savedVisual {
            projection?.backward(dVisual, savedVisual, examples: batch.examples.count, space)
        }
        return loss
    }

    /// The sum over learned tokens of their negative log-likelihood; no gradients.
    public func loss(_ examples: [Example]) throws(TrainingError) -> Double {
        try head(hidden(examples).0, Batch(examples), divisor: 1, into: nil)
    }

    /// The hidden states after the last layer [rows, D], valid until the next call, and how many rows there are.
    func hidden(_ examples: [Example]) -> (Tensor, Int) {
        space.reset()
        let batch = Batch(examples)
        prepare(positions: batch.length)
        let (visual, _) = visualTokens(batch)
        var x = embed(batch)
        for layer in layers { x = through(layer, x, visual, batch, keepsInput: false) }
        return (x, batch.rows)
    }

    /// The logits [rows, V] of an example's tokens.
    func logits(_ example: Example) -> Tensor {
        let (x, rows) = hidden([example])
        let n = Tensor(rows, configuration.width)
        Math.rmsNorm(x, rows: rows, weight: norm.weight, eps: configuration.normEps, into: n)
        let logits = Tensor(rows, configuration.vocabulary)
        output.forward(n.data, rows: rows, into: logits.data)
        return logits
    }

    func prepare(positions: Int) {
        if positions > rotary.positions { rotary = RotaryTable(configuration, positions: 2 * positions) }
    }

    func visualTokens(_ batch: Batch) -> (Tensor?, VisualProjection.Saved?) {
        guard let projection, batch.hasPictures else { return (nil, nil) }
        let (visual, saved) = projection.forward(batch.features, space)
        return (visual, saved)
    }

    /// The first layer that differs from the base's, or will.
    private var firstTouched: Int {
        layers.indices.first { i in
            layers[i].prompted != nil || layers[i].attentionNorm.parameter != nil
                || layers[i].linears.contains { !$0.parameters.isEmpty }
        } ?? layers.count
    }

    /// The hidden states before layer `count`, which no parameter reaches.
    private func cached(_ examples: [Example], _ batch: Batch, below count: Int, keeping: Bool) -> Tensor {
        let x = space.tensor(batch.rows, configuration.width)
        cache?.fill(x, examples, keeping: keeping) { missing in
            let batch = Batch(missing)
            var x = embed(batch)
            for layer in layers.prefix(count) { x = through(layer, x, nil, batch, keepsInput: false) }
            return (x, batch)
        }
        return x
    }

    func embed(_ batch: Batch) -> Tensor {
        let x = space.tensor(batch.rows, configuration.width)
        for (t, token) in batch.tokens.enumerated() { embedding.row(token, into: x.row(t)) }
        return x
    }

    /// A layer's result without what its gradient needs.
    private func through(_ layer: TunedLayer, _ x: Tensor, _ visual: Tensor?, _ batch: Batch, keepsInput: Bool)
        -> Tensor
    {
        let target = keepsInput ? space.tensor(batch.rows, configuration.width) : x
        let mark = space.mark()
        let (out, _) = layer.forward(x, visual: visual, batch, rotary, space)
        target.data.update(from: out.data, count: batch.rows * configuration.width)
        space.release(to: mark)
        return target
    }

    /// From now on, learning chooses among these tokens alone: the products with the output matrix are a third of a step
    /// of short texts. A token outside gets no gradient, so the more of the language the set holds, the better. Losses
    /// without learning are still over the whole vocabulary.
    func narrowVocabulary(to tokens: Set<Int>) {
        let list = tokens.sorted()
        narrowed = (
            FrozenWeight(base.outputWeight, rows: list, precision), list,
            Dictionary(uniqueKeysWithValues: list.enumerated().map { ($1, $0) })
        )
    }

    private func head(_ x: Tensor, _ batch: Batch, divisor: Int, into d: Tensor?) throws(TrainingError) -> Double {
        var head = OutputHead(output: output, norm: norm, eps: configuration.normEps)
        if d != nil, let narrowed {
            head = OutputHead(output: narrowed.output, rows: narrowed.rows, norm: norm, eps: configuration.normEps)
        }
        let loss = head.loss(x, batch, divisor: divisor, into: d, space)
        guard loss.isFinite else { throw .notANumber(what: "loss") }
        return loss
    }
}

extension AdapterPlan {
    /// Visual tokens of a picture, Q.
    var visualTokens: Int { visual?.queries ?? 0 }
}
