import Tensors

/// A frozen linear layer with what tunes it (arXiv 2304.15010, section 4.1; LoRA: arXiv 2106.09685):
///
///   y = s_out ⊙ (W (s_in ⊙ x) + B A x + b)
///
/// The paper scales the output, the released dialog code the input; no adapter has both.
final class TunedLinear {
    let weight: FrozenWeight  // [out, in]
    var bias: Parameter?  // [out]
    var inputScale: Parameter?  // [in]
    var outputScale: Parameter?  // [out]
    var loraA: Parameter?  // [r, in]
    var loraB: Parameter?  // [out, r]

    /// What backward needs besides x.
    struct Saved {
        var scaled: Tensor?  // [T, in]   s_in ⊙ x
        var unscaled: Tensor?  // [T, out]  before s_out
        var low: Tensor?  // [T, r]    A x
    }

    var inputs: Int { weight.inputs }
    var outputs: Int { weight.outputs }

    init(_ weight: FrozenWeight) { self.weight = weight }

    var parameters: [Parameter] { [bias, inputScale, outputScale, loraA, loraB].compactMap { $0 } }

    /// Whether the batch at hand trains anything here.
    var isActive: Bool { parameters.contains { $0.isActive } }

    /// y [rows, out] of x [rows, in].
    func forward(_ x: Tensor, rows: Int, into y: Tensor, _ space: Workspace) -> Saved {
        var saved = Saved()
        var read = x
        if let inputScale {
            let scaled = space.tensor(rows, inputs)
            for t in 0..<rows { Math.multiply(x.row(t), inputScale.value.data, scaled.row(t), inputs) }
            saved.scaled = scaled
            read = scaled
        }
        let target = outputScale == nil ? y : space.tensor(rows, outputs)
        weight.forward(
            read.data, rows: rows, bias: bias.map { UnsafePointer($0.value.data) }, into: target.data)
        if let loraA, let loraB {
            let rank = loraA.value.rows
            let low = space.tensor(rows, rank)
            Dense.forward(x.data, rows: rows, inputs: inputs, loraA.value.data, outputs: rank, into: low.data)
            Dense.forward(
                low.data, rows: rows, inputs: rank, loraB.value.data, outputs: outputs, into: target.data, adding: true)
            saved.low = low
        }
        if let outputScale {
            for t in 0..<rows { Math.multiply(target.row(t), outputScale.value.data, y.row(t), outputs) }
            saved.unscaled = target
        }
        return saved
    }

    /// Adds the gradients of what is active, and gives or adds that in x to `dx`, if it is wanted.
    func backward(
        _ dy: Tensor, rows: Int, x: Tensor, _ saved: Saved, into dx: Tensor?, adding: Bool, _ space: Workspace
    ) {
        let mark = space.mark()
        defer { space.release(to: mark) }
        var d = dy
        if let outputScale, let unscaled = saved.unscaled {
            d = space.tensor(rows, outputs)
            let product = space.tensor(1, outputs)
            for t in 0..<rows {
                if let sink = outputScale.sink {
                    Math.multiply(dy.row(t), unscaled.row(t), product.data, outputs)
                    Math.axpy(1, product.data, sink.data, outputs)
                }
                Math.multiply(dy.row(t), outputScale.value.data, d.row(t), outputs)
            }
        }
        if let sink = bias?.sink { Dense.bias(d.data, rows: rows, outputs: outputs, into: sink.data) }
        if let inputScale {
            scaledInput(inputScale, d, rows: rows, x: x, into: dx, adding: adding, space)
        } else if let dx {
            weight.backward(d.data, rows: rows, into: dx.data, adding: adding)
        }
        guard let loraA, let loraB, let low = saved.low, dx != nil || loraA.isActive || loraB.isActive else { return }
        let rank = loraA.value.rows
        if let sink = loraB.sink {
            Dense.weight(d.data, rows: rows, outputs: outputs, low.data, inputs: rank, into: sink.data)
        }
        let dLow = space.tensor(rows, rank)
        Dense.input(
            d.data, rows: rows, outputs: outputs, loraB.value.data, inputs: rank, into: dLow.data, adding: false)
        if let sink = loraA.sink {
            Dense.weight(dLow.data, rows: rows, outputs: rank, x.data, inputs: inputs, into: sink.data)
        }
        if let dx {
            Dense.input(
                dLow.data, rows: rows, outputs: rank, loraA.value.data, inputs: inputs, into: dx.data, adding: true)
        }
    }

    private func scaledInput(
        _ scale: Parameter, _ d: Tensor, rows: Int, x: Tensor, into dx: Tensor?, adding: Bool, _ space: Workspace
    ) {
        guard dx != nil || scale.isActive else { return }
        let dScaled = space.tensor(rows, inputs)
        weight.backward(d.data, rows: rows, into: dScaled.data, adding: false)
        let product = space.tensor(1, inputs)
        for t in 0..<rows {
            if let sink = scale.sink {
                Math.multiply(dScaled.row(t), x.row(t), product.data, inputs)
                Math.axpy(1, product.data, sink.data, inputs)
            }
            guard let dx else { continue }
            Math.multiply(dScaled.row(t), scale.value.data, product.data, inputs)
            if adding {
                Math.axpy(1, product.data, dx.row(t), inputs)
            } else {
                dx.row(t).update(from: product.data, count: inputs)
            }
        }
    }
}
