import Glibc
import Tensors

/// Rotary positions (RoFormer, arXiv 2104.09864): the interleaved pairs (2i, 2i + 1) of a head's first `ropeSize`
/// elements turn by position / θ^(2i / ropeSize), divided by the pair's factor where positions are stretched.
package struct RotaryTable: Sendable {
    private let turns: Tensor  // [positions, ropeSize]: cosine and sine of each pair
    private let headSize: Int

    package init(_ c: LlamaConfiguration, positions: Int) {
        headSize = c.headSize
        turns = Tensor(positions, c.ropeSize)
        for i in stride(from: 0, to: c.ropeSize, by: 2) {
            let factor = c.ropeFactors.isEmpty ? 1 : Double(c.ropeFactors[i / 2])
            let frequency = pow(Double(c.ropeTheta), -Double(i) / Double(c.ropeSize)) / factor
            for position in 0..<positions {
                let angle = Double(position) * frequency
                turns.row(position)[i] = Float(cos(angle))
                turns.row(position)[i + 1] = Float(sin(angle))
            }
        }
    }

    /// How many positions the table has.
    package var positions: Int { turns.rows }

    /// Turns `heads` heads that follow one another; `back` undoes it, which is also what a gradient needs.
    package func rotate(_ row: UnsafeMutablePointer<Float>, heads: Int, position: Int, back: Bool = false) {
        for h in 0..<heads { Math.rotate(row + h * headSize, by: turns.row(position), turns.columns, back: back) }
    }

    /// The same for rows at positions that follow one another.
    func rotate(_ x: UnsafeMutablePointer<Float>, rows: Int, stride: Int, heads: Int, position: Int) {
        Math.bands(rows, stride) { for t in $0 { rotate(x + t * stride, heads: heads, position: position + t) } }
    }
}
