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

    /// What stays packed is, bit by bit, what is packed again.
    @Test(arguments: ["scalar"] + fastTables)
    func packedForTheNextProduct(table: String) throws {
        let gemm = try #require(lk_kernels_named(table)).pointee.gemm
        var samples = Samples(16)
        for tokens in [1, 16, 17, 23, 25, 47, 48, 49, 97] {
            for (columns, weights) in [(1, 1), (16, 8), (33, 17), (20, 64)] {
                let x = samples.floats(tokens * columns)
                let w = samples.floats(weights * columns)
                let bias = tokens % 2 == 0 ? samples.floats(weights) : nil
                let panels = 0..<(tokens + gemm.panel - 1) / gemm.panel
                let packed = Tensor(gemm.bytes(tokens, columns) / 4)
                for panel in panels { gemm.pack(x, columns, tokens, columns, panel, packed.data) }
                var rows = [Float](repeating: 0, count: tokens * weights)
                gemm.product(w, columns, 1, weights, columns, packed.data, tokens, 1, bias, &rows, weights, 0)
                let expected = Tensor(gemm.bytes(tokens, weights) / 4)
                for panel in panels { gemm.pack(rows, weights, tokens, weights, panel, expected.data) }
                let found = Tensor(expected.count + 16)
                found.data.update(repeating: 77, count: found.count)
                // In two bands, as two threads would.
                let half = weights / 2
                for (first, count) in [(0, half), (half, weights - half)] where count > 0 {
                    w.withUnsafeBufferPointer { w in
                        let from = w.baseAddress.map { $0 + first * columns }
                        bias.withPointer { bias in
                            if let from {
                                gemm.product_packed(
                                    from, columns, count, columns, packed.data, tokens, bias.map { $0 + first }, found.data,
                                    weights, first)
                            }
                        }
                    }
                }
                // Where there is no token, a bias may stand.
                for panel in panels {
                    let first = panel * gemm.panel
                    let count = min(gemm.panel, tokens - first)
                    let width = gemm.bytes(count, 1) / 4
                    for r in 0..<weights {
                        for t in 0..<count {
                            let i = first * weights + r * width + t
                            #expect(found.data[i] == expected.data[i], "\(tokens) tokens, \(weights) weights at \(t), \(r)")
                        }
                    }
                }
                #expect((expected.count..<found.count).allSatisfy { found.data[$0] == 77 })
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

        func stored(_ y: borrowing PackedRows) throws -> [Float] {
            // The product with the identity is what was packed.
            let identity = Tensor(y.columns, y.columns)
            for i in 0..<y.columns { identity.row(i)[i] = 1 }
            let out = Tensor(rows, y.columns)
            y.multiply(Matrix(identity), bias: nil, into: out)
            return out.array
        }
        func map(_ function: (Double) -> Double) -> [Float] { f.array.map { Float(function(Double($0))) } }
        for (activation, function) in [
            (PackedRows.Activation.gelu, { 0.5 * $0 * erfc(-$0 / 2.0.squareRoot()) }),
            (.quickGelu, { $0 / (1 + Glibc.exp(-1.702 * $0)) }),
        ] as [(PackedRows.Activation, (Double) -> Double)] {
            let inner = PackedRows(rows: rows, columns: 2 * hidden)
            packed.multiply(w1, bias: b1, then: activation, into: inner)
            for (a, b) in zip(try stored(inner), map(function)) { #expect(abs(a - b) <= 2e-6 * max(1, abs(b))) }
        }

        let inner = PackedRows(rows: rows, columns: 2 * hidden)
        packed.multiply(w1, bias: b1, into: inner)
        #expect(try stored(inner) == f.array)
        let gated = PackedRows(rows: rows, columns: hidden)
        inner.siluMultiplyHalves(into: gated)
        let halves = try stored(gated)
        for t in 0..<rows {
            for i in 0..<hidden {
                let (gate, value) = (Double(f.row(t)[i]), Double(f.row(t)[hidden + i]))
                let expected = gate / (1 + Glibc.exp(-gate)) * value
                #expect(abs(Double(halves[t * hidden + i]) - expected) <= 2e-6 * max(1, abs(expected)))
            }
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
            let packed = Tensor(kernels.gemm.bytes(tokens, columns) / 4)
            for panel in 0..<(tokens + kernels.gemm.panel - 1) / kernels.gemm.panel {
                kernels.gemm.pack(x, columns, tokens, columns, panel, packed.data)
            }
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

extension Optional<[Float]> {
    fileprivate func withPointer(_ body: (UnsafePointer<Float>?) -> Void) {
        guard let self else { return body(nil) }
        self.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
