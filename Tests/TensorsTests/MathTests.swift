import CKernels
import Glibc
import Testing

@testable import Tensors

/// The formulas against double precision, on every table that this CPU runs.
@Suite struct MathTests {
    static let tables = Kernels.available

    /// What a loop makes of `x`.
    func mapped(_ table: String, _ x: [Float], _ run: (lk_kernels, [Float], inout [Float]) -> Void) throws -> [Float] {
        var out = [Float](repeating: 0, count: x.count)
        run(try #require(lk_kernels_named(table)).pointee, x, &out)
        return out
    }

    @Test(arguments: tables) func expIsWithinTwoUnitsInTheLastPlace(table: String) throws {
        let x = (0..<200_000).map { Float($0) / 200_000 * 175 - 87 }
        let out = try mapped(table, x) { $0.exp($1, &$2, $1.count) }
        var worst = 0.0
        for (x, y) in zip(x, out) {
            let exact = Glibc.exp(Double(x))
            if exact < Double(Float.greatestFiniteMagnitude) {
                worst = max(worst, abs(Double(y) - exact) / Double(Float(exact).ulp))
            }
        }
        #expect(worst <= 2, "\(worst) units")
        let ends = try mapped(table, [0, -.infinity, -200, 200, .infinity, .nan, -100]) { $0.exp($1, &$2, 7) }
        #expect(ends[0] == 1 && ends[1] == 0 && ends[2] == 0)
        #expect(ends[3] == .infinity && ends[4] == .infinity && ends[5].isNaN)
        #expect(ends[6] >= 0 && ends[6] < Float.leastNormalMagnitude, "a result may be subnormal")
    }

    @Test(arguments: tables) func geluIsExactToOneInAMillion(table: String) throws {
        let x = (0..<100_000).map { Float($0) / 5000 - 10 } + [-1e30, 1e30]
        let out = try mapped(table, x) { $0.gelu($1, &$2, $1.count) }
        for (x, y) in zip(x, out) {
            let exact = 0.5 * Double(x) * erfc(-Double(x) / 2.0.squareRoot())
            #expect(abs(Double(y) - exact) <= 1e-6 * max(1, abs(exact)), "gelu(\(x))")
        }
    }

    @Test(arguments: tables) func sigmoidsAtTheirEnds(table: String) throws {
        let x: [Float] = [-1000, -100, -88, -3, -0.5, 0, 0.5, 3, 88, 100, 1000]
        let silu = try mapped(table, x) { $0.silu($1, &$2, $1.count) }
        let quick = try mapped(table, x) { $0.quick_gelu($1, &$2, $1.count) }
        for i in x.indices {
            let x = Double(x[i])
            #expect(abs(Double(silu[i]) - x / (1 + Glibc.exp(-x))) <= 1e-6 * max(1, abs(x)), "silu(\(x))")
            #expect(abs(Double(quick[i]) - x / (1 + Glibc.exp(-1.702 * x))) <= 1e-6 * max(1, abs(x)), "quickGelu(\(x))")
        }
    }

    @Test func softmaxOfRows() {
        for n in [1, 5, 16, 40, 1000] {
            let x = Tensor(Samples.of(20, n).map { $0 * 30 }, [n])
            let before = x.array.map(Double.init)
            let sum = before.reduce(0) { $0 + Glibc.exp($1) }
            Math.softmax(x.data, count: n)
            for i in 0..<n { #expect(abs(Double(x.data[i]) - Glibc.exp(before[i]) / sum) <= 1e-6) }
        }
        // A masked word gets nothing, and large values do not overflow.
        let masked = Tensor([1000, -.infinity, 1000, -.infinity], [4])
        Math.softmax(masked.data, count: 4)
        #expect(masked.array == [0.5, 0, 0.5, 0])
        Math.softmax(masked.data, count: 0)
        #expect(masked.array == [0.5, 0, 0.5, 0])
    }

    @Test func norms() {
        for n in [1, 31, 64, 576] {
            let x = Tensor(Samples.of(21, 2 * n).map { $0 * 3 + 1 }, [2, n])
            let weight = Tensor(Samples.of(22, n), [n])
            let bias = Tensor(Samples.of(23, n), [n])
            let rms = Tensor(2, n)
            let layer = Tensor(2, n)
            Math.rmsNorm(x, weight: weight, eps: 1e-5, into: rms)
            Math.layerNorm(x, weight: weight, bias: bias, eps: 1e-6, into: layer)
            for t in 0..<2 {
                let row = (0..<n).map { Double(x.row(t)[$0]) }
                let mean = row.reduce(0, +) / Double(n)
                let square = row.reduce(0) { $0 + $1 * $1 } / Double(n)
                let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
                for i in 0..<n {
                    let w = Double(weight.data[i])
                    #expect(abs(Double(rms.row(t)[i]) - row[i] / (square + 1e-5).squareRoot() * w) < 5e-6)
                    let expected = (row[i] - mean) / (variance + 1e-6).squareRoot() * w + Double(bias.data[i])
                    #expect(abs(Double(layer.row(t)[i]) - expected) < 5e-6)
                }
            }
        }
    }

    @Test func elementwiseOperationsOverSomeRows() {
        let a = Tensor([1, 2, 3, 4, 5, 6], [3, 2])
        let b = Tensor([10, 20, 30, 40, 50, 60], [3, 2])
        let v = Tensor([2, 3], [2])
        let out = Tensor(3, 2)
        Math.add(a, b, rows: 2, into: out)
        #expect(out.array == [11, 22, 33, 44, 0, 0])
        Math.addScaled(a, by: 2, rows: 1, to: out)
        #expect(out.array == [13, 26, 33, 44, 0, 0])
        Math.addRow(a, v, into: out)
        #expect(out.array == [3, 5, 5, 7, 7, 9])
        Math.multiplyRow(a, v, into: out)
        #expect(out.array == [2, 6, 6, 12, 10, 18])
        Math.multiply(a, b, into: out)
        #expect(out.array == [10, 40, 90, 160, 250, 360])
        Math.multiplyRow(a, v, rows: 1, into: a)
        #expect(a.array == [2, 6, 3, 4, 5, 6], "in place")
        Math.tanh(Tensor([0, 1], [1, 2]), into: out)
        #expect(out.data[0] == 0 && abs(out.data[1] - 0.7615942) < 1e-6)
    }
}
