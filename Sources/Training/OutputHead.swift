import Glibc
import Tensors

/// Final norm, logits and cross-entropy over the rows whose next token is learned, a few rows at a time: logits of all
/// rows together would be the largest tensor of a step by far.
struct OutputHead {
    let output: FrozenWeight  // [V, D]
    /// The row of `output` that is each token's; nil: its own number.
    var rows: [Int: Int]?
    let norm: NormWeight  // [D]
    let eps: Float

    private static let chunk = 96

    /// Σ −w log p(token) / divisor over the batch's targets of weight w; with `d` [T, D] also its gradient in x, added to d.
    func loss(_ x: Tensor, _ batch: Batch, divisor: Int, into d: Tensor?, _ space: Workspace) -> Double {
        let (V, D) = (output.outputs, output.inputs)
        // The targets of one row follow one another: a prompt's last row has several.
        var rows: [(row: Int, tokens: [(id: Int, weight: Float)])] = []
        for target in batch.targets {
            guard let token = self.rows.map({ $0[target.token] }) ?? target.token else {
                preconditionFailure("token \(target.token) is learned, but not in the vocabulary that was set")
            }
            if rows.last?.row == target.row {
                rows[rows.count - 1].tokens.append((token, target.weight))
            } else {
                rows.append((target.row, [(token, target.weight)]))
            }
        }
        let mark = space.mark()
        defer { space.release(to: mark) }
        let most = min(Self.chunk, rows.count)
        let (hidden, normed, dNormed, dHidden) = (
            space.tensor(most, D), space.tensor(most, D), space.tensor(most, D), space.tensor(most, D)
        )
        let logits = space.tensor(most, V)
        var total = 0.0
        for start in stride(from: 0, to: rows.count, by: Self.chunk) {
            let part = rows[start..<min(start + Self.chunk, rows.count)]
            let n = part.count
            for (i, row) in part.enumerated() { hidden.row(i).update(from: x.row(row.row), count: D) }
            Math.rmsNorm(hidden, rows: n, weight: norm.weight, eps: eps, into: normed)
            output.forward(normed.data, rows: n, into: logits.data)
            let losses = Tensor(n)
            let scale = 1 / Float(divisor)
            ThreadPool.shared.run(n) { i in
                losses.data[i] = Self.row(
                    logits.row(i), V, rows[start + i].tokens, scale: scale, wantsGradient: d != nil)
            }
            for i in 0..<n { total += Double(losses.data[i]) }
            guard let d else { continue }
            output.backward(logits.data, rows: n, into: dNormed.data, adding: false)
            dHidden.data.update(repeating: 0, count: n * D)
            Math.rmsNormBackward(
                hidden, rows: n, weight: norm.weight, eps: eps, dNormed, addingInto: dHidden,
                dWeight: norm.parameter?.sink)
            for (i, row) in part.enumerated() { Math.axpy(1, dHidden.row(i), d.row(row.row), D) }
        }
        return total / Double(divisor)
    }

    /// The loss of one row's tokens; the logits become its gradient in them, times `scale`.
    private static func row(
        _ logits: UnsafeMutablePointer<Float>, _ V: Int, _ tokens: [(id: Int, weight: Float)], scale: Float,
        wantsGradient: Bool
    ) -> Float {
        var best = 0
        for i in 1..<V where logits[i] > logits[best] { best = i }
        let top = logits[best]
        let gaps = tokens.map { top - logits[$0.id] }
        Math.softmax(logits, count: V)
        // log Σ exp(x − top) is −log p of the best token.
        let logSum = -logf(logits[best])
        let loss = zip(tokens, gaps).reduce(0) { $0 + $1.0.weight * ($1.1 + logSum) }
        if wantsGradient {
            let factor = scale * tokens.reduce(0) { $0 + $1.weight }
            for i in 0..<V { logits[i] *= factor }
            for token in tokens { logits[token.id] -= scale * token.weight }
        }
        return loss
    }
}
