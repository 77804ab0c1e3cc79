import Tensors

// The way of a picture's features to the language model, forward and backward; the maths is that of
// Models/LlamaAdapter.swift. S examples, N features of width C each, Q queries, visual width E, model width D.

/// features → clip_proj, norm → [visual_query; features] → blocks → first Q tokens → visual_proj, norm.
final class VisualProjection {
    let clipProj, clipProjNorm, visualProj, visualProjNorm: WeightAndBias
    let visualQuery: Parameter  // [Q, E]
    let blocks: [TrainedBlock]
    static let eps: Float = 1e-5

    struct Saved {
        let tokens: Int  // N
        let features: Tensor  // [S N, C]
        let projected: Tensor  // [S N, E]  before the norm
        let blocks: [TrainedBlock.Saved]
        let queries: Tensor  // [S Q, E]
        let out: Tensor  // [S Q, D]  before the norm
    }

    init(
        clipProj: WeightAndBias, clipProjNorm: WeightAndBias, visualQuery: Parameter, blocks: [TrainedBlock],
        visualProj: WeightAndBias, visualProjNorm: WeightAndBias
    ) {
        (self.clipProj, self.clipProjNorm, self.visualQuery) = (clipProj, clipProjNorm, visualQuery)
        (self.blocks, self.visualProj, self.visualProjNorm) = (blocks, visualProj, visualProjNorm)
    }

    var parameters: [Parameter] {
        clipProj.parameters + clipProjNorm.parameters + [visualQuery] + blocks.flatMap(\.parameters)
            + visualProj.parameters + visualProjNorm.parameters
    }

    var isActive: Bool { parameters.contains { $0.isActive } }
    var queries: Int { visualQuery.value.rows }
    var featureWidth: Int { clipProj.weight.value.columns }
    private var width: Int { visualQuery.value.columns }
    private var outputWidth: Int { visualProj.weight.value.rows }

    /// The visual tokens [S Q, D] of features [N, C], all pictures with the same N.
    func forward(_ list: [Tensor], _ space: Workspace) -> (Tensor, Saved) {
        let (S, Q, E, C) = (list.count, queries, width, featureWidth)
        let N = list.first?.rows ?? 0
        precondition(list.allSatisfy { $0.rows == N && $0.columns == C }, "features of one shape, [\(N), \(C)]")
        let features = space.tensor(S * N, C)
        for (s, tensor) in list.enumerated() { features.row(s * N).update(from: tensor.data, count: N * C) }
        let projected = space.tensor(S * N, E)
        clipProj.forward(features, rows: S * N, into: projected)
        let normed = space.tensor(S * N, E)
        clipProjNorm.norm(projected, rows: S * N, eps: Self.eps, into: normed)
        let M = Q + N
        var x = space.tensor(S * M, E)
        for s in 0..<S {
            x.row(s * M).update(from: visualQuery.value.data, count: Q * E)
            x.row(s * M + Q).update(from: normed.row(s * N), count: N * E)
        }
        var saved: [TrainedBlock.Saved] = []
        for (i, block) in blocks.enumerated() {
            // Nobody reads more than the queries of the last block.
            let wanted = i == blocks.count - 1 ? Q : M
            let (next, kept) = block.forward(x, examples: S, tokens: M, wanted: wanted, space)
            saved.append(kept)
            x = next
        }
        let out = space.tensor(S * Q, outputWidth)
        visualProj.forward(x, rows: S * Q, into: out)
        let visual = space.tensor(S * Q, outputWidth)
        visualProjNorm.norm(out, rows: S * Q, eps: Self.eps, into: visual)
        return (
            visual,
            Saved(tokens: N, features: features, projected: projected, blocks: saved, queries: x, out: out)
        )
    }

    /// Adds the gradients of all its parameters, given that in the visual tokens [S Q, D].
    func backward(_ dVisual: Tensor, _ s: Saved, examples S: Int, _ space: Workspace) {
        let mark = space.mark()
        defer { space.release(to: mark) }
        let (Q, E, D) = (queries, width, outputWidth)
        let dOut = space.zeros(S * Q, D)
        visualProjNorm.normBackward(s.out, rows: S * Q, eps: Self.eps, dVisual, addingInto: dOut)
        var d = space.tensor(S * Q, E)
        visualProj.backward(dOut, rows: S * Q, x: s.queries, into: d)
        let (N, M) = (s.tokens, Q + s.tokens)
        for (block, kept) in zip(blocks, s.blocks).reversed() { d = block.backward(d, kept, space) }
        let dNormed = space.tensor(S * N, E)
        for e in 0..<S {
            if let sink = visualQuery.sink { Math.axpy(1, d.row(e * M), sink.data, Q * E) }
            dNormed.row(e * N).update(from: d.row(e * M + Q), count: N * E)
        }
        let dProjected = space.zeros(S * N, E)
        clipProjNorm.normBackward(s.projected, rows: S * N, eps: Self.eps, dNormed, addingInto: dProjected)
        clipProj.backward(dProjected, rows: S * N, x: s.features, into: nil)
    }
}

/// A trained weight with its bias: of a linear layer [out, in] and [out], or of a layer norm, both [width].
struct WeightAndBias {
    let weight: Parameter
    let bias: Parameter

    var parameters: [Parameter] { [weight, bias] }

    func forward(_ x: Tensor, rows: Int, into y: Tensor) {
        let w = weight.value
        Dense.forward(
            x.data, rows: rows, inputs: w.columns, w.data, outputs: w.rows, bias: bias.value.data, into: y.data)
    }

    /// Adds the gradients, and gives that in x to `dx`, if it is wanted.
    func backward(_ dy: Tensor, rows: Int, x: Tensor, into dx: Tensor?) {
        let w = weight.value
        if let sink = weight.sink {
            Dense.weight(dy.data, rows: rows, outputs: w.rows, x.data, inputs: w.columns, into: sink.data)
        }
        if let sink = bias.sink { Dense.bias(dy.data, rows: rows, outputs: w.rows, into: sink.data) }
        if let dx {
            Dense.input(dy.data, rows: rows, outputs: w.rows, w.data, inputs: w.columns, into: dx.data, adding: false)
        }
    }

    func norm(_ x: Tensor, rows: Int, eps: Float, into y: Tensor) {
        Math.layerNorm(x, rows: rows, weight: weight.value, bias: bias.value, eps: eps, into: y)
    }

    func normBackward(_ x: Tensor, rows: Int, eps: Float, _ dy: Tensor, addingInto dx: Tensor) {
        Math.layerNormBackward(
            x, rows: rows, weight: weight.value, eps: eps, dy, addingInto: dx, dWeight: weight.sink, dBias: bias.sink)
    }
}
