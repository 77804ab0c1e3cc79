import Synchronization
import Testing

@testable import Wire

@Suite struct PayloadTests {
    @Test func floatsKeepTheirBits() {
        let payload = Payload(floats: [1.5, -0.0, .infinity])
        #expect(payload.count == 12)
        #expect(payload.bytes[..<4] == [0, 0, 0xc0, 0x3f])
    }

    @Test func foreignBytesAreReleasedOnce() {
        let released = Counter()
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2000, alignment: 1)
        do {
            let payload = Payload(adopting: UnsafeRawBufferPointer(memory)) { released.add() }
            let copy = payload
            #expect(copy.count == 2000)
            #expect(released.value == 0)
        }
        #expect(released.value == 1)
        memory.deallocate()
    }

    private func header(_ shape: [UInt32], dtype: String = "f32", frame: UInt32 = 0) -> Lorgnette_V1_Tensor {
        .with {
            $0.name = "t"
            $0.dtype = dtype
            $0.shape = shape
            $0.frame = frame
        }
    }

    @Test func tensorsAreCheckedBeforeUse() throws {
        let payloads = [Payload(floats: [1, 2, 3, 4, 5, 6])]
        let tensor = try payloads.tensor(header([2, 3]))
        #expect(tensor.shape == [2, 3])
        #expect(tensor.floats() == [1, 2, 3, 4, 5, 6])
        for bad in [
            header([2, 4]), header([]), header([0, 6]), header([6], frame: 1), header([6], frame: .max),
            header([6], dtype: "f64"),
            header([.max, .max, .max, .max]), header(Array(repeating: 1, count: 9)), header([6], dtype: "f16"),
        ] {
            #expect(throws: TensorFault.self) { try payloads.tensor(bad) }
        }
    }

    @Test func halvesAreWidened() throws {
        let halves: [UInt16] = [0x3c00, 0xc000, 0x0001, 0x7bff]
        let payload = Payload(halves.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
        let tensor = try [payload].tensor(header([4], dtype: "f16"))
        #expect(tensor.floats() == [1, -2, 0x1p-24, 65504])
        #expect(tensor.firstNonFinite() == nil)
    }

    @Test func readsAtAnyAlignment() throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 9, alignment: 16)
        defer { memory.deallocate() }
        memory.storeBytes(of: Float(2.5), toByteOffset: 1, as: Float.self)
        memory.storeBytes(of: Float.nan, toByteOffset: 5, as: Float.self)
        let payload = Payload(adopting: UnsafeRawBufferPointer(rebasing: memory[1...])) {}
        let tensor = try [payload].tensor(header([2]))
        #expect(tensor.floats()[0] == 2.5)
        #expect(tensor.firstNonFinite() == 1)
    }
}

final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .acquiring) }
    func add() { count.add(1, ordering: .releasing) }
}
