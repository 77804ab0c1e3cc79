import Tensors

/// y = W x + b, and where an adapter tunes it: s_out ⊙ (W (s_in ⊙ x) + B (A x) + b).
struct Linear: Sendable {
    /// Where a trained scale acts: on the output as the paper writes it (arXiv 2304.15010, section 4.1), or on the input
    /// as the released dialog code computes it.
    enum Scale: Sendable {
        case output(Tensor)  // [out]
        case input(Tensor)  // [in]
    }

    /// [out, in]
    let weight: Matrix
    /// [out]
    var bias: Tensor?
    var scale: Scale?
    var lowRank: LowRank?

    /// Whether it is W x + b and no more.
    var isPlain: Bool { scale == nil && lowRank == nil }

    init(weight: Matrix, bias: Tensor? = nil) {
        self.weight = weight
        self.bias = bias
    }

    /// One product in place of several over the same x: the outputs follow one another.
    init(joining parts: [Linear]) {
        let columns = parts.first?.weight.columns ?? 0
        let joined = Tensor(parts.reduce(0) { $0 + $1.weight.rows }, columns)
        let bias = Tensor(joined.rows)
        var row = 0
        for part in parts where part.weight.columns == columns {
            for i in 0..<part.weight.rows { part.weight.row(i, into: joined.row(row + i)) }
            if let b = part.bias, b.count == part.weight.rows { (bias.data + row).update(from: b.data, count: b.count) }
            row += part.weight.rows
        }
        self.init(weight: Matrix(joined), bias: bias)
    }

    func callAsFunction(_ x: Tensor, rows: Int, into y: Tensor, packed: Bool = false) {
        Linear.apply([(self, y)], to: x, rows: rows, packed: packed)
    }

    /// Several linears over the same x: in one sweep where nothing stands between x and the weights. `packed`: see `Math.linear`.
    static func apply(_ products: [(linear: Linear, y: Tensor)], to x: Tensor, rows: Int, packed: Bool = false) {
        var shared: [(w: Matrix, bias: Tensor?, y: Tensor)] = []
        for (linear, y) in products {
            if case .input(let scale) = linear.scale {
                let scaled = Tensor(rows, x.columns)
                for t in 0..<rows { Math.multiply(x.row(t), scale.data, scaled.row(t), x.columns) }
                Math.linear(scaled, rows: rows, linear.weight, bias: linear.bias, into: y, packed: packed)
            } else {
                shared.append((linear.weight, linear.bias, y))
            }
        }
        if !shared.isEmpty { Math.linears(x, rows: rows, shared, packed: packed) }
        for (linear, y) in products {
            linear.lowRank?.add(x, rows: rows, to: y)
            if case .output(let scale) = linear.scale { Math.multiplyRow(y, scale, rows: rows, into: y) }
        }
    }
}

/// A change of a weight as a product of two narrow matrices (LoRA, arXiv 2106.09685), without a scale: B (A x).
final class LowRank: Sendable {
    /// A: [rank, in]
    private let down: Matrix
    /// Bᵀ, [rank, out]: a few long rows to add are quicker than many products of a few columns.
    private let up: Tensor

    /// - Parameters:
    ///   - down: A, [rank, in]
    ///   - up: B, [out, rank]
    init(down: Tensor, up: Tensor) {
        self.down = Matrix(down)
        self.up = Tensor(up.columns, up.rows)
        for row in 0..<up.rows {
            for k in 0..<up.columns { self.up.row(k)[row] = up.row(row)[k] }
        }
    }

    /// y[T, out] += B (A x[T, in])
    func add(_ x: Tensor, rows: Int, to y: Tensor) {
        let (rank, width) = (up.rows, up.columns)
        let narrow = Tensor(rows, rank)
        Math.linear(x, rows: rows, down, into: narrow)
        if rows < Math.manyRows {
            for t in 0..<rows {
                for k in 0..<rank { Math.axpy(narrow.row(t)[k], up.row(k), y.row(t), width) }
            }
            return
        }
        let band = 192
        ThreadPool.shared.run((width + band - 1) / band) { task in
            let first = task * band
            PackedRows(narrow.data, stride: rank, rows: rows, columns: rank).multiply(
                up.data + first, rowStep: 1, columnStep: width, weights: min(band, width - first), adding: true,
                into: y.data + first, outStride: y.columns)
        }
    }
}

/// y = (x − mean) / √(variance + eps) · weight + bias.
struct LayerNorm: Sendable {
    /// [width]
    let weight: Tensor
    /// [width]
    let bias: Tensor

    func callAsFunction(_ x: Tensor, rows: Int, eps: Float, into y: Tensor) {
        Math.layerNorm(x, rows: rows, weight: weight, bias: bias, eps: eps, into: y)
    }
}

extension Tensor {
    /// A copy of some rows, [range.count, columns].
    func slice(rows range: Range<Int>) -> Tensor {
        guard range.upperBound <= rows else { return Tensor(0) }
        let part = Tensor(range.count, columns)
        part.data.update(from: row(range.lowerBound), count: part.count)
        return part
    }
}
