import CKernels
import Testing

@testable import Tensors

/// Products of quantised weights in whole numbers, against sums in double precision.
@Suite struct IntegerProductTests {
    /// Around the rows of a tile, which are 16, the tokens of a panel, which are 8, and the bands of 64 rows of several panels.
    @Test(arguments: fastTables, weightTypes)
    func asExactAsFloat(table: String, type: ElementType) throws {
        guard let integer = try Integer(table, type) else { return }
        var samples = Samples(13)
        for (blocks, rows, tokens) in [
            (1, 1, 1), (2, 3, 2), (3, 4, 3), (5, 15, 4), (8, 16, 1), (1, 17, 6), (2, 31, 7), (3, 33, 8), (2, 5, 9), (1, 15, 16),
            (1, 66, 17),
        ] {
            let columns = blocks * type.blockElements
            let w = try Matrix.sample(type, rows, columns, seed: samples.bits(), offset: 1)
            // One value far larger than the others: its block's scale is coarse for them.
            var values = samples.floats(tokens * columns)
            for t in 0..<tokens { values[t * columns + (columns / 2 + 7 * t) % columns] = 30 }
            let x = Tensor(values, [tokens, columns])
            let bias = rows % 2 == 0 ? nil : samples.floats(rows)
            let found = integer.product(w, x, bias: bias)
            let exact = w.exactly(x, rows: tokens, bias: bias)
            let (weights, steps) = (w.dequantised(), Self.steps(x))
            for i in 0..<(tokens * rows) {
                let (t, r) = (i / rows, i % rows)
                // Half a step for each activation, and what sums in float32 lose.
                var most = 1e-6 * (exact[i].size + 0.1)
                for k in 0..<columns { most += Double(abs(weights.row(r)[k]) * steps.row(t)[k]) / 2 }
                #expect(
                    abs(Double(found[i]) - exact[i].value) <= most,
                    "\(columns) columns, row \(r) of \(rows), token \(t) of \(tokens)")
            }
        }
    }

    /// What one step of an activation's whole number is worth: 127 · 2¹⁴ of them make the largest of its block of 32.
    private static func steps(_ x: Tensor) -> Tensor {
        let steps = Tensor(x.rows, x.columns)
        for t in 0..<x.rows {
            for first in stride(from: 0, to: x.columns, by: 32) {
                let largest = (0..<32).map { abs(x.row(t)[first + $0]) }.max() ?? 0
                for k in 0..<32 { steps.row(t)[first + k] = largest / Float(127 << 14) }
            }
        }
        return steps
    }

    /// The same to the last bit, whatever is beside it.
    @Test(arguments: fastTables, weightTypes)
    func companyDoesNotMatter(table: String, type: ElementType) throws {
        guard let integer = try Integer(table, type) else { return }
        let (rows, columns, most) = (70, 2 * type.blockElements, 19)
        let w = try Matrix.sample(type, rows, columns, seed: 5)
        let x = Samples.of(12, most * columns)
        let together = integer.product(w, Tensor(x, [most, columns]))
        for tokens in 1..<most {
            let first = most - tokens
            let found = integer.product(w, Tensor(Array(x[(first * columns)...]), [tokens, columns]))
            #expect(found == Array(together[(first * rows)...]), "\(tokens) tokens")
        }
    }

    /// The largest weights by the largest activations: sums of whole numbers are nearly as large as they can be.
    @Test(arguments: fastTables, weightTypes)
    func atTheirLargest(table: String, type: ElementType) throws {
        guard let integer = try Integer(table, type) else { return }
        let columns = 3 * type.blockElements
        for block in Self.extremes(type) {
            let region = Region([[UInt8]](repeating: block, count: 4 * 3).flatMap(\.self))
            let w = try Matrix(type: type, rows: 4, columns: columns, bytes: region.asBytes)
            for sign: Float in [1, -1] {
                let x = Tensor([Float](repeating: sign * 1.5, count: 2 * columns), [2, columns])
                let found = integer.product(w, x)
                let exact = w.exactly(x, rows: 2, bias: nil)
                for i in 0..<8 {
                    #expect(abs(Double(found[i]) - exact[i].value) <= 1e-6 * exact[i].size, "\(block), \(sign)")
                }
            }
        }
    }

    /// Blocks of the largest weights that a type has and, as a check of signs, of the smallest; scales and minimums are 1, or,
    /// where blocks have their own, as large as they can be.
    private static func extremes(_ type: ElementType) -> [[UInt8]] {
        let one: [UInt8] = [0, 0x3c]
        func fill(_ byte: UInt8, _ count: Int) -> [UInt8] { [UInt8](repeating: byte, count: count) }
        switch type {
        case .q4_0: return [0xff, 0].map { one + fill($0, 16) }
        case .q4_1: return [0xff, 0].map { one + one + fill($0, 16) }
        case .q8_0: return [0x7f, 0x80].map { one + fill($0, 32) }
        case .q4_K: return [0xff, 0].map { one + one + fill(0xff, 12) + fill($0, 128) }
        case .q6_K: return [0xff, 0].flatMap { w in [0x7f, 0x80].map { fill(w, 192) + fill($0, 16) + one } }
        default: return []
        }
    }

    /// What is no number, or too large to be one, must not become a sensible result, nor touch another token's.
    @Test(arguments: fastTables, [Float.nan, .infinity, -.infinity])
    func nonsenseIsCarried(table: String, value: Float) throws {
        for type in weightTypes {
            guard let integer = try Integer(table, type) else { continue }
            let columns = 2 * type.blockElements
            let w = try Matrix.sample(type, 4, columns, seed: 3)
            for place in [0, columns / 2 - 1, columns - 1] {
                var x = [Float](repeating: 0, count: 3 * columns)
                x[columns + place] = value
                let found = integer.product(w, Tensor(x, [3, columns]))
                #expect(found[4..<8].allSatisfy { !$0.isFinite }, "\(type.rawValue) at \(place): \(found)")
                #expect((found[..<4] + found[8...]).allSatisfy { $0 == 0 }, "\(type.rawValue) at \(place): \(found)")
            }
        }
    }
}

/// The integer products of a table with weights of a type.
private struct Integer {
    let table: lk_integer
    let multiply: lk_integer_fn

    /// nil if the table has none.
    init?(_ name: String, _ type: ElementType) throws {
        let kernels = try #require(lk_kernels_named(name))
        guard let multiply = lk_integer_product(kernels, type.code) else { return nil }
        (table, self.multiply) = (kernels.pointee.integer, multiply)
    }

    /// [tokens, rows], of which nothing else is written, from memory that was used before.
    func product(_ w: Matrix, _ x: Tensor, bias: [Float]? = nil) -> [Float] {
        let packed = Tensor(((table.bytes?(x.rows, x.columns) ?? 0) + 3) / 4)
        packed.data.update(repeating: .nan, count: packed.count)
        for panel in 0..<((x.rows + table.panel - 1) / table.panel) {
            table.pack?(x.data, x.columns, x.rows, x.columns, panel, packed.data)
        }
        let stride = w.rows + 3
        var out = [Float](repeating: 77, count: x.rows * stride)
        multiply(w.bytes.base, w.rowBytes, w.rows, w.columns, packed.data, x.rows, bias, &out, stride)
        #expect((0..<x.rows).allSatisfy { t in out[(t * stride + w.rows)..<((t + 1) * stride)].allSatisfy { $0 == 77 } })
        return (0..<x.rows).flatMap { out[($0 * stride)..<($0 * stride + w.rows)] }
    }
}
