import Testing

@testable import Tensors

@Suite struct MatrixTests {
    @Test func byteCounts() {
        #expect(ElementType.q4_1.byteCount(elements: 576 * 576) == 207_360)
        #expect(ElementType.q4_1.byteCount(elements: 33) == nil)
        #expect(ElementType.q6_K.byteCount(elements: 256) == 210)
        #expect(ElementType.f32.byteCount(elements: 0) == 0)
        #expect(ElementType.f32.byteCount(elements: -4) == nil)
        #expect(ElementType.f32.byteCount(elements: Int.max / 4) == Int.max / 4 * 4)
        #expect(ElementType.f32.byteCount(elements: Int.max / 4 + 1) == nil)
        #expect(ElementType.f64.byteCount(elements: Int.max) == nil)
        #expect(ElementType.q8_0.byteCount(elements: Int.max / 32 * 32) == nil)
    }

    @Test func refusesBytesThatDoNotFit() throws {
        let bytes = Region([UInt8](repeating: 0, count: 100)).asBytes
        #expect(throws: TensorError.byteCount(type: .q4_1, rows: 2, columns: 64, expected: 80, found: 100)) {
            try Matrix(type: .q4_1, rows: 2, columns: 64, bytes: bytes)
        }
        #expect(throws: TensorError.columns(type: .q4_K, rows: 1, columns: 64, block: 256)) {
            try Matrix(type: .q4_K, rows: 1, columns: 64, bytes: bytes)
        }
        #expect(throws: TensorError.size(type: .f32, rows: -1, columns: 4)) {
            try Matrix(type: .f32, rows: -1, columns: 4, bytes: bytes)
        }
        #expect(throws: TensorError.size(type: .f32, rows: Int.max, columns: 4)) {
            try Matrix(type: .f32, rows: Int.max, columns: 4, bytes: bytes)
        }
        let error = TensorError.byteCount(type: .q4_1, rows: 2, columns: 64, expected: 80, found: 100)
        #expect("\(error)" == "matrix [2, 64] of q4_1: expected 80 bytes, found 100")
        #expect(try Matrix(type: .f32, rows: 5, columns: 5, bytes: bytes).dequantised().shape == [5, 5])
    }

    @Test func aRowIsTheSameAloneAndAmongAll() throws {
        for type in weightTypes {
            let w = try Matrix.sample(type, 3, 512, seed: 5)
            let all = w.dequantised()
            let one = Tensor(512)
            for r in 0..<3 {
                w.row(r, into: one.data)
                #expect(one.array == Array(all.array[r * 512..<(r + 1) * 512]), "\(type)")
            }
        }
    }

    @Test func aMatrixKeepsItsTensorAlive() {
        weak var gone: Tensor?
        var matrix: Matrix?
        do {
            let tensor = Tensor([1, 2, 3, 4], [2, 2])
            gone = tensor
            matrix = Matrix(tensor)
        }
        #expect(gone != nil)
        #expect(matrix?.dequantised().array == [1, 2, 3, 4])
        matrix = nil
        #expect(gone == nil)
    }

    @Test func tensorsAreAlignedZerosInRowMajorOrder() {
        let t = Tensor(3, 5, 7)
        #expect(UInt(bitPattern: t.data) % 64 == 0)
        #expect(t.count == 105 && t.rows == 15 && t.columns == 7)
        #expect(t.array == [Float](repeating: 0, count: 105))
        #expect(t.row(2) == t.data + 14)
        #expect(Tensor([]).count == 1 && Tensor([]).columns == 1)
        #expect(Tensor(0, 4).array.isEmpty)
    }
}
