import CKernels
import Glibc
import Testing

@testable import Tensors

/// Products whose x is packed first, of many rows and of one, against sums in double precision.
@Suite struct PackedProductTests {
    /// Around the width of a panel, which is 24 or 48, and of a vector.
    @Test(arguments: ["scalar"] + fastTables)
    func manyRows(table: String) throws {
        let gemm = try #require(lk_kernels_named(table)).pointee.gemm
        var samples = Samples(11)
        for tokens in [1, 2, 15, 16, 17, 23, 24, 25, 47, 48, 49, 65, 97] {
            for (columns, weights) in [(1, 1), (7, 5), (16, 16), (33, 17), (64, 31), (100, 40)] {
                let (xStride, outStride) = (columns + 3, weights + 2)
                let x = samples.floats(tokens * xStride)
                // Weights with gaps between the rows, and turned ones, as an attention's values lie.
                for (rowStep, columnStep) in [(columns + 1, 1), (1, weights + 4)] {
                    let w = samples.floats(weights * rowStep + columns * columnStep)
                    let bias = tokens % 2 == 0 ? samples.floats(weights) : nil
                    let adding = tokens % 3 == 0
                    let before = samples.floats(tokens * outStride)
                    var out = before
                    let packed = Tensor(gemm.bytes(tokens, columns) / 4 + 1)
                    packed.data.update(repeating: .nan, count: packed.count)  // as memory that was used before
                    for panel in 0..<(tokens + gemm.panel - 1) / gemm.panel {
                        gemm.pack(x, xStride, tokens, columns, panel, packed.data)
                    }
                    gemm.product(
                        w, rowStep, columnStep, weights, columns, packed.data, tokens, 0.5, bias, &out, outStride,
                        adding ? 1 : 0)
                    for t in 0..<tokens {
                        for r in 0..<outStride {
                            let i = t * outStride + r
                            guard r < weights else {
                                #expect(out[i] == before[i], "written beyond row \(t)")
                                continue
                            }
                            var value = Double(bias?[r] ?? 0) + Double(adding ? before[i] : 0)
                            var size = abs(value)
                            for k in 0..<columns {
                                let term = 0.5 * Double(w[r * rowStep + k * columnStep]) * Double(x[t * xStride + k])
                                value += term
                                size += abs(term)
                            }
                            #expect(
                                abs(Double(out[i]) - value) <= 1e-6 * (size + 0.1),
                                "\(tokens) tokens, \(columns) columns, \(weights) weights at \(t), \(r)")
                        }
                    }
                }
            }
        }
    }

    /// More tokens, weights and columns than are multiplied in one go, values of very different size among them.
    @Test(arguments: ["scalar"] + fastTables, [Float(1), 30])
    func largeOnes(table: String, outlier: Float) throws {
        let gemm = try #require(lk_kernels_named(table)).pointee.gemm
        var samples = Samples(18)
        for (tokens, columns, weights) in [(300, 520, 100), (17, 1100, 37), (33, 256, 97), (5, 1025, 16)] {
            let x = (0..<tokens * columns).map { samples.float() * ($0 % 37 == 0 ? outlier : 1) }
            let w = samples.floats(weights * columns)
            let packed = gemm.packed(x, tokens, columns)
            var out = [Float](repeating: .nan, count: tokens * weights)
            gemm.product(w, columns, 1, weights, columns, packed.data, tokens, 1, nil, &out, weights, 0)
            for t in stride(from: 0, to: tokens, by: 7) + [tokens - 1] {
                for r in stride(from: 0, to: weights, by: 5) + [weights - 1] {
                    var (value, size) = (0.0, 0.0)
                    for k in 0..<columns {
                        let term = Double(w[r * columns + k]) * Double(x[t * columns + k])
                        value += term
                        size += term * term
                    }
                    // Of the terms together, of which rounding takes its share at random.
                    #expect(
                        abs(Double(out[t * weights + r]) - value) <= 4e-6 * size.squareRoot(),
                        "\(tokens) tokens, \(columns) columns, \(weights) weights at \(t), \(r)")
                }
            }
        }
    }

    /// What is no number, or too large to be one, must not become a sensible result, nor touch another token's.
    @Test(arguments: ["scalar"] + fastTables, [Float.nan, .infinity, -.infinity])
    func nonsenseIsCarried(table: String, value: Float) throws {
        let gemm = try #require(lk_kernels_named(table)).pointee.gemm
        let (columns, weights) = (300, 4)
        var samples = Samples(19)
        for place in [0, 15, 255, 256, 299] {
            var x = [Float](repeating: 0, count: 3 * columns)
            x[columns + place] = value
            let packed = gemm.packed(x, 3, columns)
            var w = samples.floats(weights * columns)
            func product() -> [Float] {
                var out = [Float](repeating: 0, count: 3 * weights)
                gemm.product(w, columns, 1, weights, columns, packed.data, 3, 1, nil, &out, weights, 0)
                return out
            }
            let found = product()
            #expect(found[weights..<2 * weights].allSatisfy { !$0.isFinite }, "at \(place): \(found)")
            #expect((found[..<weights] + found[(2 * weights)...]).allSatisfy { $0 == 0 }, "at \(place): \(found)")
            // In a weight it touches no other weight's result; the first token has nothing but zeros.
            w[columns + place] = value
            let first = product()[..<weights]
            #expect(!first[1].isFinite && [0, 2, 3].allSatisfy { first[$0] == 0 }, "at \(place): \(first)")
        }
    }

    /// Numbers near the ends of what float32 has.
    @Test(arguments: ["scalar"] + fastTables)
    func extremes(table: String) throws {
        let gemm = try #require(lk_kernels_named(table)).pointee.gemm
        let columns = 20
        for (x, w) in [(Float(1e30), Float(1e-25)), (1e-25, 1e30), (1e-18, 1e-13), (3e38, 1e-3), (1e-3, 3e38)] {
            let xs = (0..<columns).map { x * Float(1 - 2 * ($0 % 3 == 0 ? 1 : 0)) * 0.03 }
            let ws = (0..<columns).map { w * (Float($0 + 1) / 21) }
            let packed = gemm.packed(xs, 1, columns)
            var out = [Float](repeating: 0, count: 1)
            gemm.product(ws, columns, 1, 1, columns, packed.data, 1, 1, nil, &out, 1, 0)
            let terms = zip(xs, ws).map { Double($0) * Double($1) }
            #expect(abs(Double(out[0]) - terms.reduce(0, +)) <= 1e-6 * terms.reduce(0) { $0 + abs($1) }, "\(x) by \(w)")
        }
    }

    /// What stays packed gives, bit by bit, what the same rows give when they are packed anew.
    @Test(arguments: ["scalar"] + fastTables)
    func packedForTheNextProduct(table: String) throws {
        let gemm = try #require(lk_kernels_named(table)).pointee.gemm
        var samples = Samples(16)
        for tokens in [1, 16, 17, 23, 25, 47, 48, 49, 97] {
            for (columns, weights) in [(1, 1), (16, 8), (33, 17), (20, 64), (300, 270)] {
                let x = samples.floats(tokens * columns)
                let w = samples.floats(weights * columns)
                let bias = tokens % 2 == 0 ? samples.floats(weights) : nil
                let panels = 0..<(tokens + gemm.panel - 1) / gemm.panel
                let packed = gemm.packed(x, tokens, columns)
                var rows = [Float](repeating: 0, count: tokens * weights)
                gemm.product(w, columns, 1, weights, columns, packed.data, tokens, 1, bias, &rows, weights, 0)

                let count = (tokens + gemm.lanes - 1) / gemm.lanes * gemm.lanes * weights
                let result = Tensor(count + 16)
                result.data.update(repeating: 77, count: result.count)
                // In two bands, as two threads would.
                let half = weights / 2
                for (first, count) in [(0, half), (half, weights - half)] where count > 0 {
                    w.withUnsafeBufferPointer { w in
                        let from = w.baseAddress.map { $0 + first * columns }
                        bias.withPointer { bias in
                            if let from {
                                gemm.product_packed(
                                    from, columns, count, columns, packed.data, tokens, bias.map { $0 + first }, result.data,
                                    weights, first)
                            }
                        }
                    }
                }
                for panel in panels {
                    let first = panel * gemm.panel
                    let count = min(gemm.panel, tokens - first)
                    let width = (count + gemm.lanes - 1) / gemm.lanes * gemm.lanes
                    for r in 0..<weights {
                        for t in 0..<count {
                            let i = first * weights + r * width + t
                            #expect(
                                result.data[i] == rows[(first + t) * weights + r],
                                "\(tokens) tokens, \(weights) weights at \(first + t), \(r)")
                        }
                    }
                }
                #expect((count..<result.count).allSatisfy { result.data[$0] == 77 })

                let anew = gemm.packed(rows, tokens, weights)
                var next = result
                if let pack = gemm.pack_result {
                    next = Tensor(anew.count)
                    for panel in panels { pack(result.data, weights, panel, next.data) }
                }
                let second = samples.floats(5 * weights)
                let products = [anew, next].map {
                    var out = [Float](repeating: 0, count: tokens * 5)
                    gemm.product(second, weights, 1, 5, weights, $0.data, tokens, 1, nil, &out, 5, 0)
                    return out
                }
                #expect(products[0] == products[1], "\(tokens) tokens, \(weights) weights")
            }
        }
    }

    /// Two layers with what is between them packed, with the table in use.
    @Test(arguments: [1, 30, 257]) func layersInARow(rows: Int) throws {
        let (width, hidden) = (40, 72)
        let x = Tensor(Samples.of(31, rows * width), [rows, width])
        let w1 = try Matrix.sample(.f32, 2 * hidden, width, seed: 6)
        let w2 = try Matrix.sample(.q8_0, width, 96, seed: 7)
        let b1 = Tensor(Samples.of(32, 2 * hidden), [2 * hidden])
        let f = Tensor(rows, 2 * hidden)
        Math.linear(x, w1, bias: b1, into: f, packed: true)
        let packed = PackedRows(x.data, stride: width, rows: rows, columns: width)

        /// What was packed: the product with the identity.
        func stored(after activation: PackedRows.Activation) -> [Float] {
            let y = packed.multiplied(by: w1, bias: b1, then: activation)
            let identity = Tensor(y.columns, y.columns)
            for i in 0..<y.columns { identity.row(i)[i] = 1 }
            let out = Tensor(rows, y.columns)
            y.multiply(Matrix(identity), bias: nil, into: out)
            return out.array
        }
        for (activation, function) in [
            (PackedRows.Activation.gelu, { 0.5 * $0 * erfc(-$0 / 2.0.squareRoot()) }),
            (.quickGelu, { $0 / (1 + Glibc.exp(-1.702 * $0)) }),
        ] as [(PackedRows.Activation, (Double) -> Double)] {
            for (a, b) in zip(stored(after: activation), f.array.map { Float(function(Double($0))) }) {
                #expect(abs(a - b) <= 2e-6 * max(1, abs(b)))
            }
        }

        let halves = stored(after: .swiGLU)
        for t in 0..<rows {
            let expected = (0..<hidden).map {
                let (gate, value) = (Double(f.row(t)[$0]), Double(f.row(t)[hidden + $0]))
                return gate / (1 + Glibc.exp(-gate)) * value
            }
            // Packed, they may share a scale.
            let largest = expected.reduce(1) { max($0, abs($1)) }
            for i in 0..<hidden { #expect(abs(Double(halves[t * hidden + i]) - expected[i]) <= 1e-6 * largest) }
        }

        // Weights that must be widened first.
        let wide = Tensor(Samples.of(33, rows * 96), [rows, 96])
        let (together, alone) = (Tensor(rows, width), Tensor(rows, width))
        Math.linear(wide, w2, into: together, packed: true)
        PackedRows(wide.data, stride: 96, rows: rows, columns: 96).multiply(w2, bias: nil, into: alone)
        #expect(together.array == alone.array)
    }

    /// Every weight meets every row once, whatever the sizes.
    @Test func tasksCoverAProduct() {
        for rows in [1, 24, 47, 48, 257, 600, 2056] {
            for weights in [1, 31, 384, 577, 1536] {
                for (columns, isFloat, threads) in [(64, true, 1), (384, true, 2), (4096, false, 2), (1536, true, 16)] {
                    let grid = TaskGrid.packed(
                        rows: rows, by: weights, columns: columns, isFloat: isFloat, threads: threads)
                    var met = [Int](repeating: 0, count: rows * weights)
                    for task in 0..<grid.tasks {
                        let (band, range) = grid.task(task)
                        #expect(range.lowerBound % PackedRows.panel == 0 && !band.isEmpty && !range.isEmpty)
                        for t in range { for r in band { met[t * weights + r] += 1 } }
                    }
                    #expect(met.allSatisfy { $0 == 1 }, "\(rows) rows by \(weights) weights")
                }
            }
        }
    }

    /// A row's result is the same to the last bit, whatever is beside it.
    @Test(arguments: ["scalar"] + fastTables, [ElementType.f32, .q4_1, .q8_0])
    func companyDoesNotMatter(table: String, type: ElementType) throws {
        let kernels = try #require(lk_kernels_named(table)).pointee
        var samples = Samples(12)
        let (columns, weights, most) = (256, 37, 101)
        let w = try Matrix.sample(type, weights, columns, seed: 5)
        let dense = w.dequantised()
        let x = samples.floats(most * columns)
        func many(_ tokens: Int) -> [Float] {
            var out = [Float](repeating: 0, count: tokens * weights)
            let packed = kernels.gemm.packed(x, tokens, columns)
            kernels.gemm.product(dense.data, columns, 1, weights, columns, packed.data, tokens, 1, nil, &out, weights, 0)
            return out
        }
        func fused(_ tokens: Int) -> [Float] {
            var out = [Float](repeating: 0, count: tokens * weights)
            withUnsafePointer(to: kernels) {
                lk_product($0, type.code)?(w.bytes.base, w.rowBytes, weights, columns, x, columns, tokens, nil, &out, weights)
            }
            return out
        }
        let (whole, together) = (many(most), fused(23))
        for tokens in [1, 16, 47, 48, 49, 64] { #expect(many(tokens) == Array(whole[..<(tokens * weights)])) }
        for tokens in [1, 2, 3, 4, 5, 7, 8, 9, 12, 16] {
            #expect(fused(tokens) == Array(together[..<(tokens * weights)]), "\(tokens) tokens")
        }
    }

    @Test(arguments: ["scalar"] + fastTables)
    func rotation(table: String) throws {
        let kernels = try #require(lk_kernels_named(table)).pointee
        var samples = Samples(14)
        for n in [0, 2, 4, 6, 14, 16, 18, 30, 32, 64, 80, 128] {
            let x = samples.floats(n)
            let turn = samples.floats(n)
            for sign in [Float(1), -1] {
                var found = x + [77]
                kernels.rotate(&found, turn, sign, n)
                for i in stride(from: 0, to: n, by: 2) {
                    let (a, b, c, s) = (x[i], x[i + 1], turn[i], sign * turn[i + 1])
                    #expect(abs(found[i] - (a * c - b * s)) <= 1e-6 && abs(found[i + 1] - (a * s + b * c)) <= 1e-6)
                }
                #expect(found[n] == 77)
            }
        }
    }
}

extension lk_gemm {
    /// x[tokens][columns], packed.
    fileprivate func packed(_ x: [Float], _ tokens: Int, _ columns: Int) -> Tensor {
        let packed = Tensor((bytes(tokens, columns) + 3) / 4)
        for panel in 0..<(tokens + self.panel - 1) / self.panel { pack(x, columns, tokens, columns, panel, packed.data) }
        return packed
    }
}

extension Optional<[Float]> {
    fileprivate func withPointer(_ body: (UnsafePointer<Float>?) -> Void) {
        guard let self else { return body(nil) }
        self.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
