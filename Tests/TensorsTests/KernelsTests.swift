import CKernels
import Testing

@testable import Tensors

/// Every fast loop against the plain one of reference.c, at lengths around the vector width.
@Suite struct KernelsTests {
    static let lengths = [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 96, 127, 128, 129, 257, 577]

    @Test(arguments: fastTables, weightTypes)
    func products(table: String, type: ElementType) throws {
        let fast = try #require(lk_kernels_named(table)).pointee
        let lengths = type.blockElements == 1 ? Self.lengths : [0, 1, 2, 3, 5, 8].map { $0 * type.blockElements }
        var samples = Samples(1)
        for columns in lengths {
            for rows in [1, 2, 3, 4, 5, 11] {
                for tokens in [0, 1, 2, 3, 4, 5, 7, 9] {
                    // An odd address: nothing promises that a file's weights are aligned.
                    let w = try Matrix.sample(type, rows, columns, seed: samples.bits(), offset: 1)
                    let stride = columns + 3
                    let outStride = rows + 2
                    let x = Tensor(samples.floats(tokens * stride), [tokens * stride])
                    let bias = tokens % 2 == 0 ? samples.floats(rows) : nil
                    var found = [Float](repeating: 77, count: tokens * outStride)
                    var expected = found
                    func run(_ kernels: lk_kernels, _ out: inout [Float]) {
                        withUnsafePointer(to: kernels) {
                            lk_product($0, type.code)?(
                                w.bytes.base, w.rowBytes, rows, columns, x.data, stride, tokens, bias, &out, outStride)
                        }
                    }
                    run(fast, &found)
                    run(lk_scalar, &expected)
                    let sizes = w.exactly(x, stride: stride, tokens: tokens)
                    for t in 0..<tokens {
                        for r in 0..<outStride {
                            let i = t * outStride + r
                            let allowed = r < rows ? Float(sizes[t * rows + r] + 1) * 2e-6 : 0
                            #expect(
                                abs(found[i] - expected[i]) <= allowed,
                                "\(columns) columns, \(rows) rows, \(tokens) tokens at \(t), \(r)")
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: fastTables, ElementType.allCases)
    func widening(table: String, type: ElementType) throws {
        let fast = try #require(lk_kernels_named(table))
        let lengths = type.blockElements == 1 ? Self.lengths : [0, 1, 2, 3, 8].map { $0 * type.blockElements }
        var samples = Samples(2)
        for n in lengths {
            let source = Region(samples.weight(type, elements: n), offset: 1)
            var found = [Float](repeating: 77, count: n + 1)
            var expected = found
            lk_widen(fast, type.code)(source.bytes, &found, n)
            withUnsafePointer(to: lk_scalar) { lk_widen($0, type.code)(source.bytes, &expected, n) }
            for i in 0...n {
                // One rounding apart where the fast loop fuses multiplication and addition.
                #expect(abs(found[i] - expected[i]) <= 1e-6 * max(1, abs(expected[i])), "\(n) elements at \(i)")
            }
        }
    }

    @Test(arguments: fastTables)
    func everyHalf(table: String) throws {
        let fast = try #require(lk_kernels_named(table))
        let halves = (0...UInt16.max).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        var found = [Float](repeating: 0, count: 65536)
        var expected = found
        lk_widen(fast, LK_F16)(halves, &found, 65536)
        withUnsafePointer(to: lk_scalar) { lk_widen($0, LK_F16)(halves, &expected, 65536) }
        for i in 0..<65536 where !(found[i].isNaN && expected[i].isNaN) { #expect(found[i] == expected[i], "half \(i)") }
        #expect(expected[0x3c00] == 1 && expected[0xc000] == -2 && expected[1] == 0x1p-24 && expected[0x7c00] == .infinity)
    }

    @Test(arguments: fastTables)
    func vectorsOfAnyLength(table: String) throws {
        let fast = try #require(lk_kernels_named(table)).pointee
        let plain = lk_scalar
        var samples = Samples(3)
        for n in Self.lengths {
            let a = samples.floats(n, times: 4)
            let b = samples.floats(n, times: 4)
            let c = samples.floats(n)
            /// Runs a loop of each table over equal memory and compares all of it, one element past the end included.
            func compare(_ name: String, _ allowed: Float = 1e-6, _ run: (lk_kernels, inout [Float]) -> Void) {
                var found = a + [77]
                var expected = found
                run(fast, &found)
                run(plain, &expected)
                for i in 0...n {
                    #expect(
                        abs(found[i] - expected[i]) <= allowed * max(1, abs(expected[i])),
                        "\(name) of \(n) elements at \(i): expected \(expected[i]), found \(found[i])")
                }
            }
            let size = zip(a, b).reduce(1) { $0 + abs($1.0 * $1.1) }
            #expect(abs(fast.dot(a, b, n) - plain.dot(a, b, n)) <= 1e-6 * size)
            compare("axpy") { $0.axpy(0.7, b, &$1, n) }
            compare("add", 0) { $0.add(a, b, &$1, n) }
            compare("multiply", 0) { $0.multiply(a, b, &$1, n) }
            compare("exp") { $0.exp(b, &$1, n) }
            compare("silu") { $0.silu(b, &$1, n) }
            compare("silu_multiply", 2e-6) { $0.silu_multiply(b, c, &$1, n) }
            compare("quick_gelu") { $0.quick_gelu(b, &$1, n) }
            compare("gelu") { $0.gelu(b, &$1, n) }
            compare("softmax") { $0.softmax(&$1, n) }
            compare("softmax_backward", 4e-6) { $0.softmax_backward(c, &$1, n) }
            compare("gelu_backward", 2e-6) { $0.gelu_backward(b, c, &$1, n) }
            compare("silu_multiply_backward", 4e-6) {
                var up = c
                $0.silu_multiply_backward(b, a, c, &$1, &up, n)
            }
            compare("silu_multiply_backward in place", 4e-6) { kernels, out in
                var gate = c
                out.withUnsafeMutableBufferPointer {
                    guard let dy = $0.baseAddress else { return }
                    kernels.silu_multiply_backward(b, c, dy, &gate, dy, n)
                }
            }
            if n > 0 {
                compare("rms_norm", 4e-6) { $0.rms_norm(b, c, 1e-5, &$1, n) }
                compare("layer_norm", 4e-6) { $0.layer_norm(b, c, a, 1e-5, &$1, n) }
                compare("rms_norm_backward", 1e-5) { $0.rms_norm_backward(b, c, 1e-5, a, &$1, nil, n) }
                compare("rms_norm_backward's weight", 1e-5) {
                    var unused = a
                    $0.rms_norm_backward(b, c, 1e-5, a, &unused, &$1, n)
                }
            }
        }
    }

    @Test(arguments: fastTables)
    func layerNormBackward(table: String) throws {
        let fast = try #require(lk_kernels_named(table)).pointee
        let plain = lk_scalar
        var samples = Samples(5)
        for n in Self.lengths where n > 1 {
            // Lengths of two have z = ±1: nothing but rounding is left of the gradient, so they are compared coarsely.
            let x = samples.floats(n, times: 4)
            let w = samples.floats(n)
            let dy = samples.floats(n)
            func run(_ kernels: lk_kernels) -> [Float] {
                var dx = [Float](repeating: 1, count: n + 1)
                var dw = dx
                var db = dx
                kernels.layer_norm_backward(x, w, 1e-5, dy, &dx, &dw, &db, n)
                return dx + dw + db
            }
            let allowed: Float = n == 2 ? 1e-3 : 2e-5
            for (found, expected) in zip(run(fast), run(plain)) {
                #expect(abs(found - expected) <= allowed * max(1, abs(expected)), "\(n) elements")
            }
        }
    }

    @Test(arguments: fastTables)
    func adamW(table: String) throws {
        let fast = try #require(lk_kernels_named(table)).pointee
        let plain = lk_scalar
        var samples = Samples(6)
        let step = lk_adamw(
            rate: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-8, decay: 0.1, g_scale: 0.5, m_scale: 10, v_scale: 100)
        for n in Self.lengths {
            let g = samples.floats(n)
            let start = samples.floats(n)
            let squares = g.map { $0 * $0 }
            func run(_ kernels: lk_kernels) -> [Float] {
                var w = start + [77]
                var m = g + [77]
                var v = squares + [77]
                kernels.adamw(&w, g, &m, &v, n, step)
                return w + m + v
            }
            for (found, expected) in zip(run(fast), run(plain)) { #expect(abs(found - expected) <= 2e-6, "\(n)") }
        }
    }

    @Test(arguments: fastTables)
    func attentionOverACache(table: String) throws {
        let fast = try #require(lk_kernels_named(table)).pointee
        let plain = lk_scalar
        var samples = Samples(4)
        for n in [1, 15, 16, 31, 64, 80, 128] {
            for count in [0, 1, 3, 4, 5, 33] {
                let stride = n + 5
                let q = samples.floats(n)
                let cache = samples.floats(count * stride + n)
                let weights = samples.floats(count)
                var found = [Float](repeating: 77, count: count + 1)
                var expected = found
                fast.scores(q, cache, stride, count, n, 0.125, &found)
                plain.scores(q, cache, stride, count, n, 0.125, &expected)
                #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-5 }, "scores of \(count) keys of \(n)")
                found = [Float](repeating: 3, count: n + 1)
                expected = found
                fast.weighted_sum(weights, cache, stride, count, n, &found)
                plain.weighted_sum(weights, cache, stride, count, n, &expected)
                #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-5 }, "mix of \(count) values of \(n)")
            }
        }
    }

    @Test func aForcedTableIsUsedOrComplainedAbout() {
        for name in Kernels.available {
            let choice = Kernels.choose(asked: name)
            #expect(String(cString: choice.table.pointee.name) == name)
            #expect(choice.complaint == nil)
        }
        #expect(Kernels.choose(asked: nil).complaint == nil)
        #expect(Kernels.choose(asked: "").complaint == nil)
        let choice = Kernels.choose(asked: "abacus")
        #expect(choice.complaint?.contains("\"abacus\"") == true)
        #expect(choice.complaint?.contains("expected one of scalar") == true)
        #expect(Kernels.available.contains(Kernels.name))
    }
}

extension Matrix {
    /// The size of each output's terms, for x of the given stride: [tokens, rows].
    fileprivate func exactly(_ x: Tensor, stride: Int, tokens: Int) -> [Double] {
        let packed = Tensor(tokens, columns)
        for t in 0..<tokens where columns > 0 { packed.row(t).update(from: x.data + t * stride, count: columns) }
        return exactly(packed, rows: tokens, bias: nil).map(\.size)
    }
}
