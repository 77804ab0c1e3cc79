import CKernels
import Testing

@testable import Tensors

/// Products of bfloat16 against plain sums of the rounded factors.
@Suite(.enabled(if: NarrowMatrix.isAvailable, "this processor has no AVX512-BF16")) struct NarrowMatrixTests {
    /// To bfloat16 and back, to the nearest even.
    private func rounded(_ x: Float) -> Float {
        let bits = x.bitPattern
        return Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000)
    }

    @Test(arguments: [1, 2, 31, 32, 33, 64, 100], [1, 2, 3, 17, 64, 577])
    func products(outputs: Int, inputs: Int) {
        products(outputs, inputs, transposed: false)
        products(outputs, inputs, transposed: true)
    }

    private func products(_ outputs: Int, _ inputs: Int, transposed: Bool) {
        var samples = Samples(7)
        let w = Tensor(samples.floats(outputs * inputs), [outputs, inputs])
        let stored = transposed ? Tensor(inputs, outputs) : w
        if transposed { for r in 0..<outputs { for c in 0..<inputs { stored.row(c)[r] = w.row(r)[c] } } }
        let matrix = NarrowMatrix(stored, transposed: transposed)
        #expect(matrix.rows == outputs && matrix.columns == inputs)
        for rows in [1, 3, 4, 5, 11, 12, 13, 29] {
            let x = Tensor(samples.floats(rows * inputs), [rows, inputs])
            let y = Tensor([Float](repeating: 2, count: rows * outputs), [rows, outputs])
            let sum = Tensor(y.array, y.shape)
            matrix.multiply(x.data, rows: rows, into: y.data)
            matrix.multiply(x.data, rows: rows, into: sum.data, adding: true)
            for t in 0..<rows {
                for r in 0..<outputs {
                    var value = 0.0
                    var size = 1e-6
                    for c in 0..<inputs {
                        let term = Double(rounded(x.row(t)[c])) * Double(rounded(w.row(r)[c]))
                        value += term
                        size += abs(term)
                    }
                    #expect(abs(Double(y.row(t)[r]) - value) <= 1e-6 * size + 1e-6)
                    #expect(abs(Double(sum.row(t)[r]) - value - 2) <= 1e-6 * size + 1e-6)
                }
            }
        }
    }

    @Test func aRowDoesNotDependOnItsCompany() {
        var samples = Samples(8)
        let matrix = NarrowMatrix(Tensor(samples.floats(70 * 130), [70, 130]))
        let x = Tensor(samples.floats(40 * 130), [40, 130])
        let together = Tensor(40, 70)
        let alone = Tensor(1, 70)
        matrix.multiply(x.data, rows: 40, into: together.data)
        for t in 0..<40 {
            matrix.multiply(x.row(t), rows: 1, into: alone.data)
            for r in 0..<70 { #expect(alone.data[r] == together.row(t)[r]) }
        }
    }
}
