import Glibc
import Tensors

/// Learned positions of a grid of patches, resized for pictures that have another number of patches.
///
/// The resize is cubic with half-pixel centres, coefficient −0.75, edges repeated and no antialiasing: ONNX `Resize`
/// (`cubic`, `half_pixel`) and PyTorch's `interpolate(mode: bicubic, align_corners: False)`.
struct PositionEmbedding: Sendable {
    /// [rows · columns, D]
    let grid: Tensor
    let rows: Int
    let columns: Int

    /// The positions of a grid of `newRows` × `newColumns` patches, [newRows · newColumns, D].
    func resized(rows newRows: Int, columns newColumns: Int) -> Tensor {
        if newRows == rows, newColumns == columns { return grid }
        let D = grid.columns
        let across = Self.taps(from: columns, to: newColumns)
        let down = Self.taps(from: rows, to: newRows)
        let wide = Tensor(rows * newColumns, D)
        for y in 0..<rows {
            for (x, taps) in across.enumerated() {
                for tap in taps {
                    Math.axpy(tap.weight, grid.row(y * columns + tap.source), wide.row(y * newColumns + x), D)
                }
            }
        }
        let result = Tensor(newRows * newColumns, D)
        for (y, taps) in down.enumerated() {
            for tap in taps {
                Math.axpy(tap.weight, wide.row(tap.source * newColumns), result.row(y * newColumns), newColumns * D)
            }
        }
        return result
    }

    /// For each of `to` places the four sources out of `from` and their weights.
    static func taps(from: Int, to: Int) -> [[(source: Int, weight: Float)]] {
        let a = -0.75
        func cubic(_ t: Double) -> Double {
            t <= 1 ? ((a + 2) * t - (a + 3)) * t * t + 1 : ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
        }
        return (0..<to).map { i in
            let place = (Double(i) + 0.5) * Double(from) / Double(to) - 0.5
            let first = Int(floor(place)) - 1
            return (first..<first + 4).map { (min(max($0, 0), from - 1), Float(cubic(abs(place - Double($0))))) }
        }
    }
}
