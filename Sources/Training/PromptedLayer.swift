import Glibc
import Tensors

/// Where the prompts of one layer come from, and the gates through which they act.
///
/// As released: learned prompts plus the picture's visual tokens, straight into wk and wv. In the paper's early fusion
/// (section 4.3): the visual tokens alone, through the layer's own norm like the words that they join; or, in a late
/// layer, learned prompts alone.
final class PromptedLayer {
    let gate: Parameter  // [1, H, 1, 1]
    let newGate: Parameter?  // [1, 1, 1, 1]
    /// Learned prompts; those of this layer are `count` rows from `firstRow`.
    let query: Parameter?  // [L P, D]
    let firstRow: Int
    /// Prompts, P.
    let count: Int
    let readsVisual: Bool
    /// Whether what is read goes through the layer's attention norm first.
    let isNormed: Bool

    init(
        gate: Parameter, newGate: Parameter? = nil, query: Parameter?, firstRow: Int = 0, count: Int, readsVisual: Bool,
        isNormed: Bool = false
    ) {
        (self.gate, self.newGate, self.query) = (gate, newGate, query)
        (self.firstRow, self.count, self.readsVisual, self.isNormed) = (firstRow, count, readsVisual, isNormed)
    }

    /// Whether the batch at hand trains anything here, the visual tokens not counted.
    var isActive: Bool { gate.isActive || newGate?.isActive == true || query?.isActive == true }

    /// tanh(gate) · new_gate for each head.
    var factors: [Float] {
        let common = newGate?.value.data[0] ?? 1
        return (0..<gate.value.count).map { tanhf(gate.value.data[$0]) * common }
    }

    /// Adds the gradients of both gates, given those of the factors.
    func addGateGradients(_ dFactors: [Float]) {
        let common = newGate?.value.data[0] ?? 1
        for (h, d) in dFactors.enumerated() {
            let t = tanhf(gate.value.data[h])
            if let sink = gate.sink { sink.data[h] += d * common * (1 - t * t) }
            if let sink = newGate?.sink { sink.data[0] += d * t }
        }
    }

    /// The prompts [S P, D] of S examples whose visual tokens are `visual` [S P, D].
    func prompts(_ visual: Tensor?, examples: Int, width: Int, _ space: Workspace) -> Tensor {
        let m = space.zeros(examples * count, width)
        if readsVisual, let visual { m.data.update(from: visual.data, count: examples * count * width) }
        if let query {
            for e in 0..<examples {
                Math.axpy(1, query.value.row(firstRow), m.row(e * count), count * width)
            }
        }
        return m
    }

    /// Adds the gradients in learned prompts and visual tokens, given that in the prompts.
    func addPromptGradients(_ dm: Tensor, visual dVisual: Tensor?, examples: Int) {
        let width = dm.columns
        for e in 0..<examples {
            if let sink = query?.sink { Math.axpy(1, dm.row(e * count), sink.row(firstRow), count * width) }
        }
        if readsVisual, let dVisual { Math.axpy(1, dm.data, dVisual.data, examples * count * width) }
    }
}
