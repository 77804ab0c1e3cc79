import Tensors

/// How frozen weights are multiplied while an adapter is trained.
public enum Precision: String, Sendable, CaseIterable {
    /// Exact, on every processor.
    case float32
    /// Weights and what they are multiplied with rounded to bfloat16, sums in float32: about twice as fast on a
    /// processor that has such products. Trained parameters, norms, softmaxes and gradients of weights stay float32.
    case bfloat16
}

/// A frozen weight W [out, in], ready for y = W x and for its gradient dx = Wᵀ dy.
final class FrozenWeight {
    let outputs: Int
    let inputs: Int
    private let form: Form

    private enum Form {
        case exact(Tensor)
        case narrow(forward: NarrowMatrix, backward: NarrowMatrix)
    }

    convenience init(_ weight: Matrix, _ precision: Precision) { self.init(weight.dequantised(), precision) }

    /// Some rows of a weight alone.
    convenience init(_ weight: Matrix, rows: [Int], _ precision: Precision) {
        let wide = Tensor(rows.count, weight.columns)
        for (i, row) in rows.enumerated() { weight.row(row, into: wide.row(i)) }
        self.init(wide, precision)
    }

    private init(_ wide: Tensor, _ precision: Precision) {
        (outputs, inputs) = (wide.rows, wide.columns)
        form =
            precision == .bfloat16
            ? .narrow(forward: NarrowMatrix(wide), backward: NarrowMatrix(wide, transposed: true)) : .exact(wide)
    }

    /// y [rows, out] = x [rows, in] Wᵀ + b
    func forward(
        _ x: UnsafePointer<Float>, rows: Int, bias: UnsafePointer<Float>? = nil, into y: UnsafeMutablePointer<Float>
    ) {
        switch form {
        case .exact(let w):
            Dense.forward(x, rows: rows, inputs: inputs, w.data, outputs: outputs, bias: bias, into: y)
        case .narrow(let w, _):
            if let bias { for t in 0..<rows { (y + t * outputs).update(from: bias, count: outputs) } }
            w.multiply(x, rows: rows, into: y, adding: bias != nil)
        }
    }

    /// dx [rows, in] (+)= dy [rows, out] W
    func backward(_ dy: UnsafePointer<Float>, rows: Int, into dx: UnsafeMutablePointer<Float>, adding: Bool) {
        switch form {
        case .exact(let w):
            Dense.input(dy, rows: rows, outputs: outputs, w.data, inputs: inputs, into: dx, adding: adding)
        case .narrow(_, let w): w.multiply(dy, rows: rows, into: dx, adding: adding)
        }
    }
}
