import CKernels
import Testing

@testable import Tensors

@Suite struct LinearTests {
    @Test func smallProductByHand() {
        let x = Tensor([1, 2, 3, 4, 5, 6], [2, 3])
        let w = Matrix(Tensor([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1], [4, 3]))
        let y = Tensor(2, 4)
        Math.linear(x, w, bias: Tensor([0, 0, 0, 10], [4]), into: y, pool: ThreadPool(threads: 2))
        #expect(y.array == [1, 2, 3, 16, 4, 5, 6, 25])
    }

    /// Fused loops and widened rows alike: 100 tokens are many, i8 has no fused loop.
    @Test(arguments: weightTypes + [.i8], [1, 3, 47, 48, 100])
    func productsOfEveryType(type: ElementType, tokens: Int) throws {
        let pool = ThreadPool(threads: 3)
        let (rows, columns) = (261, 512)
        let w = try Matrix.sample(type, rows, columns, seed: 7)
        var samples = Samples(8)
        let x = Tensor(samples.floats((tokens + 1) * columns), [tokens + 1, columns])
        let bias = samples.floats(rows)
        let y = Tensor(tokens + 1, rows)
        for i in 0..<y.count { y.data[i] = 77 }
        Math.linear(x, rows: tokens, w, bias: Tensor(bias, [rows]), into: y, pool: pool)
        let expected = w.exactly(x, rows: tokens, bias: bias)
        for i in 0..<tokens * rows {
            #expect(abs(Double(y.data[i]) - expected[i].value) <= 1e-6 * (1 + expected[i].size), "element \(i)")
        }
        #expect((0..<rows).allSatisfy { y.row(tokens)[$0] == 77 }, "the row after the last is not touched")
    }

    @Test func severalProductsInOneSweep() throws {
        let x = Tensor(Samples.of(3, 3 * 576), [3, 576])
        let ws = try [(576, ElementType.q4_1), (192, .q8_0), (7, .f32)].map { try Matrix.sample($1, $0, 576, seed: 9) }
        let together = ws.map { Tensor(3, $0.rows) }
        let alone = ws.map { Tensor(3, $0.rows) }
        let pool = ThreadPool(threads: 4)
        Math.linears(
            x,
            [
                (w: ws[0], bias: nil, y: together[0]), (w: ws[1], bias: nil, y: together[1]),
                (w: ws[2], bias: nil, y: together[2]),
            ], pool: pool)
        for i in 0..<3 { Math.linear(x, ws[i], into: alone[i], pool: ThreadPool(threads: 1)) }
        for i in 0..<3 { #expect(together[i].array == alone[i].array) }
    }

    @Test func emptyProducts() throws {
        let w = try Matrix.sample(.q4_1, 8, 64, seed: 10)
        let y = Tensor([1, 2, 3, 4, 5, 6, 7, 8], [1, 8])
        Math.linear(Tensor(4, 64), rows: 0, w, into: y)
        #expect(y.array == [1, 2, 3, 4, 5, 6, 7, 8])
        Math.linear(Tensor(1, 64), try Matrix.sample(.q4_1, 0, 64, seed: 11), into: Tensor(1, 0))
        // No inputs: what is left is the bias.
        for tokens in [1, 60] {
            let out = Tensor(tokens, 2)
            Math.linear(Tensor(tokens, 0), Matrix(Tensor(2, 0)), bias: Tensor([3, 4], [2]), into: out)
            #expect(out.row(tokens - 1)[0] == 3 && out.row(tokens - 1)[1] == 4)
        }
    }

    @Test func sgemmInEveryOrientation() {
        var samples = Samples(12)
        let (m, n, k) = (5, 7, 11)
        let a = samples.floats(m * k)
        let b = samples.floats(k * n)
        let start = samples.floats(m * n)
        let aT = (0..<k * m).map { a[$0 % m * k + $0 / m] }
        let bT = (0..<n * k).map { b[$0 % k * n + $0 / k] }
        for (transA, transB) in [(false, false), (false, true), (true, false), (true, true)] {
            var c = start
            Math.sgemm(
                m: m, n: n, k: k, a: transA ? aT : a, lda: transA ? m : k, transA: transA, b: transB ? bT : b,
                ldb: transB ? k : n, transB: transB, c: &c, ldc: n, alpha: 2, beta: 0.5)
            for i in 0..<m {
                for j in 0..<n {
                    let sum = (0..<k).reduce(Float(0)) { $0 + a[i * k + $1] * b[$1 * n + j] }
                    #expect(abs(c[i * n + j] - (2 * sum + 0.5 * start[i * n + j])) < 1e-5)
                }
            }
        }
    }

    /// OpenBLAS is called from all threads of a pool at once; each call must be as if it were alone.
    @Test func sgemmOnManyThreadsAtOnce() {
        let (m, n, k) = (96, 128, 200)
        let a = Samples.of(13, m * k)
        let b = Samples.of(14, n * k)
        var alone = [Float](repeating: 0, count: m * n)
        Math.sgemm(m: m, n: n, k: k, a: a, lda: k, b: b, ldb: k, transB: true, c: &alone, ldc: n)
        let pool = ThreadPool(threads: 8)
        let results = Tensor(200, m * n)
        pool.run(200) {
            Math.sgemm(m: m, n: n, k: k, a: a, lda: k, b: b, ldb: k, transB: true, c: results.row($0), ldc: n)
        }
        for i in 0..<200 {
            #expect((0..<m * n).allSatisfy { results.row(i)[$0] == alone[$0] }, "product \(i)")
        }
    }
}

extension Samples {
    static func of(_ seed: UInt64, _ count: Int) -> [Float] {
        var samples = Samples(seed)
        return samples.floats(count)
    }
}
