import Checkpoints
import Golden
import Tensors
import Testing

/// The quantised types against the Python package `gguf`, by which Tests/Fixtures/checkpoints/gguf_package.py made a file.
@Suite struct GGUFPackageTests {
    let file: GGUF

    init() throws { file = try GGUF(path: Fixture.path("package.gguf")) }

    @Test(arguments: ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"])
    func isWidenedAsThere(_ name: String) throws {
        let view = try file.require(name)
        #expect(view.type.rawValue.lowercased() == name.lowercased())
        let (found, expected) = (try view.tensor(), try file.require(name + ".values").tensor())
        #expect(found.shape == expected.shape)
        // One rounding of the largest term apart where multiplication and addition are fused.
        let allowed = 2e-7 * max(1, expected.array.map(abs).max() ?? 0)
        #expect(Golden.difference(found, expected) <= allowed)
        // A product with each unit vector is an element: rows are found, and blocks in them.
        let matrix = try view.matrix()
        for column in [0, 1, matrix.columns / 2 + 1, matrix.columns - 1] {
            let x = Tensor(1, matrix.columns)
            let y = Tensor(1, matrix.rows)
            x.data[column] = 1
            Math.linear(x, rows: 1, matrix, into: y)
            for row in 0..<matrix.rows {
                #expect(y.data[row] == found.row(row)[column], "\(name) at \(row), \(column)")
            }
        }
    }

    /// Bit for bit, but for the sign of the scale of a block of zeros.
    @Test(arguments: [("F16", ElementType.f16), ("Q8_0", .q8_0), ("Q4_0", .q4_0)])
    func isNarrowedAsThere(_ name: String, _ type: ElementType) throws {
        let source = try file.require("source").tensor()
        let view = try file.require(name)
        var bytes = [UInt8](repeating: 0xAA, count: view.bytes.count)
        #expect(
            bytes.withUnsafeMutableBytes {
                Narrowing.write(source.data, count: source.count, as: type, to: $0.baseAddress!)
            })
        let expected = Array(view.bytes.buffer)
        let differing = stride(from: 0, to: bytes.count, by: type.blockBytes).filter { at in
            let (a, b) = (bytes[at..<at + type.blockBytes], expected[at..<at + type.blockBytes])
            return a != b && !(type == .q4_0 && a[at] == 0 && a[at + 1] == 0x80 && a.dropFirst(2) == b.dropFirst(2))
        }
        #expect(differing.isEmpty, "\(name): bytes \(differing)")
    }
}
