import CKernels
import Glibc
import Testing

@testable import Tensors

/// Attention of many queries against sums in double precision, and against itself in other company.
@Suite struct AttentionTests {
    private struct Case {
        let queries: Int
        let size: Int
        let seen: Int
        let causal: Bool
        let factor: Float
        let adding: Bool
    }

    /// Around the width of a panel, which is 24 or 48, and with heads that no vector divides.
    private static let cases: [Case] = [1, 2, 23, 25, 47, 48, 49, 100].flatMap { queries in
        [(size: 16, seen: 1), (64, 7), (20, 33), (5, 2)].flatMap { size, seen in
            [true, false].map { causal in
                Case(
                    queries: queries, size: size, seen: seen, causal: causal, factor: causal ? 1 : 0.3,
                    adding: queries % 2 == 0)
            }
        }
    }

    @Test(arguments: ["scalar"] + fastTables) func againstDoubles(table: String) throws {
        let kernels = try #require(lk_kernels_named(table)).pointee
        var samples = Samples(21)
        for c in Self.cases {
            let most = c.seen + (c.causal ? c.queries - 1 : 0)
            let (qStride, keyStride, valueStride, outStride) = (c.size + 1, c.size + 2, c.size + 3, c.size + 4)
            let q = samples.floats(c.queries * qStride, times: 3)
            let keys = samples.floats(most * keyStride, times: 3)
            // What is beyond the last key must not count, not even as 0 times what it holds.
            let values = samples.floats((most - 1) * valueStride + c.size) + [.nan, .infinity, .nan]
            let before = samples.floats(c.queries * outStride)
            var out = before
            attend(kernels, c, q, qStride, keys, keyStride, values, valueStride, 0..<c.queries, c.seen, &out, outStride)
            for t in 0..<c.queries {
                let seen = c.seen + (c.causal ? t : 0)
                let scores = (0..<seen).map { j in
                    0.25 * (0..<c.size).reduce(0.0) { $0 + Double(q[t * qStride + $1]) * Double(keys[j * keyStride + $1]) }
                }
                let top = scores.max() ?? 0
                let sum = scores.reduce(0) { $0 + exp($1 - top) }
                for d in 0..<outStride {
                    let i = t * outStride + d
                    guard d < c.size else {
                        #expect(out[i] == before[i], "written beyond row \(t)")
                        continue
                    }
                    let value = (0..<seen).reduce(0.0) { $0 + exp(scores[$1] - top) / sum * Double(values[$1 * valueStride + d]) }
                    let expected = Double(c.factor) * value + (c.adding ? Double(before[i]) : 0)
                    #expect(abs(Double(out[i]) - expected) <= 1e-5, "\(c) at \(t), \(d)")
                }
            }
        }
    }

    /// Bit by bit: the same query alone, and at another place of its panel.
    @Test(arguments: ["scalar"] + fastTables) func companyDoesNotMatter(table: String) throws {
        let kernels = try #require(lk_kernels_named(table)).pointee
        var samples = Samples(22)
        for causal in [true, false] {
            let c = Case(queries: 100, size: 24, seen: 9, causal: causal, factor: 1, adding: false)
            let q = samples.floats(c.queries * c.size)
            let keys = samples.floats(200 * c.size)
            let values = samples.floats(200 * c.size)
            var whole = [Float](repeating: 0, count: c.queries * c.size)
            attend(kernels, c, q, c.size, keys, c.size, values, c.size, 0..<c.queries, c.seen, &whole, c.size)
            for range in [0..<1, 5..<6, 30..<40, 47..<49, 50..<100] {
                var part = [Float](repeating: 0, count: range.count * c.size)
                let seen = c.seen + (causal ? range.lowerBound : 0)
                attend(kernels, c, q, c.size, keys, c.size, values, c.size, range, seen, &part, c.size)
                #expect(part == Array(whole[range.lowerBound * c.size..<range.upperBound * c.size]), "\(range)")
            }
        }
    }

    private func attend(
        _ kernels: lk_kernels, _ c: Case, _ q: [Float], _ qStride: Int, _ keys: [Float], _ keyStride: Int,
        _ values: [Float], _ valueStride: Int, _ range: Range<Int>, _ seen: Int, _ out: inout [Float], _ outStride: Int
    ) {
        let scratch = Tensor(kernels.attend_floats(c.size, seen + (c.causal ? range.count : 0)))
        scratch.data.update(repeating: .nan, count: scratch.count)  // as memory that was used before
        keys.withUnsafeBufferPointer { keys in
            values.withUnsafeBufferPointer { values in
                q.withUnsafeBufferPointer { q in
                    guard let keys = keys.baseAddress, let values = values.baseAddress, let q = q.baseAddress else { return }
                    var attention = lk_attention(
                        keys: keys, key_stride: keyStride, values: values, value_stride: valueStride, size: c.size,
                        seen: seen, causal: c.causal ? 1 : 0, scale: 0.25, factor: c.factor, adding: c.adding ? 1 : 0)
                    kernels.attend(
                        &attention, q + range.lowerBound * qStride, qStride, range.count, scratch.data, &out, outStride)
                }
            }
        }
    }
}
