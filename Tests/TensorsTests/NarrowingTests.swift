import Testing

@testable import Tensors

@Suite struct NarrowingTests {
    private func narrowed(_ x: [Float], _ type: ElementType) -> (bytes: [UInt8], isWhole: Bool) {
        var bytes = [UInt8](repeating: 0, count: type.byteCount(elements: x.count) ?? 0)
        let isWhole = bytes.withUnsafeMutableBytes {
            Narrowing.write(x, count: x.count, as: type, to: $0.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 1)!)
        }
        return (bytes, isWhole)
    }

    private func widened(_ x: [Float], _ type: ElementType) throws -> [Float] {
        let region = Region(narrowed(x, type).bytes)
        return try Matrix(type: type, rows: 1, columns: x.count, bytes: region.asBytes).dequantised().array
    }

    /// Every half, and the values between two halves, go to the nearest.
    @Test func halvesAreTheNearest() {
        var values: [Float] = []
        for bits in UInt16(0)..<0x7BFF {
            let (a, b) = (Float(Float16(bitPattern: bits)), Float(Float16(bitPattern: bits + 1)))
            values += [a, -a, (a + b) / 2, ((a + b) / 2).nextUp, -((a + b) / 2).nextDown]
        }
        let (bytes, isWhole) = narrowed(values, .f16)
        #expect(isWhole)
        for (i, value) in values.enumerated() {
            let found = UInt16(bytes[2 * i]) | UInt16(bytes[2 * i + 1]) << 8
            if found != Float16(value).bitPattern { Issue.record("\(value)") }
        }
    }

    /// No value is farther from the original than the format's step says.
    @Test(arguments: [(ElementType.q8_0, Float(0.5) / 127), (.q4_0, 1.0 / 8)])
    func errorsAreWithinAStep(_ type: ElementType, _ step: Float) throws {
        var samples = Samples(7)
        for scale in [1e-3, 1, 300] as [Float] {
            let x = samples.floats(32 * 9, times: scale)
            let found = try widened(x, type)
            for block in stride(from: 0, to: x.count, by: 32) {
                let most = x[block..<block + 32].map(abs).max() ?? 0
                // And what the scale, a half, is rounded by: at least 3e-8 for each of 127 steps.
                let allowed = most * (step + 1e-3) + 4e-6
                for i in block..<block + 32 { #expect(abs(found[i] - x[i]) <= allowed, "\(i)") }
            }
        }
        #expect(try widened([Float](repeating: 0, count: 64), type).allSatisfy { $0 == 0 })
    }

    @Test(arguments: [ElementType.f16, .q8_0, .q4_0]) func whatCannotBeHeldIsSaid(_ type: ElementType) {
        for bad in [Float.nan, .infinity, -.infinity, 3e38] {
            var x = [Float](repeating: 0.5, count: 64)
            #expect(narrowed(x, type).isWhole)
            x[40] = bad
            #expect(!narrowed(x, type).isWhole, "\(bad)")
        }
        #expect(narrowed([], type).isWhole)
    }
}
