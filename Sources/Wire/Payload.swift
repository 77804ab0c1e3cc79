import CZeroMQ
import Glibc

/// An immutable run of bytes beside an Envelope: a picture's file or a tensor. Copies of the value share the bytes;
/// sending and receiving do not copy them either. A received payload may lie at any address: read it unaligned.
public struct Payload: Sendable {
    private let storage: Storage

    public var count: Int { storage.count }
    public var isEmpty: Bool { storage.count == 0 }
    /// A copy, for tests and small payloads.
    public var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    /// Copies `bytes`.
    public init(_ bytes: [UInt8]) {
        self.init(count: bytes.count) { buffer in buffer.copyBytes(from: bytes) }
    }

    /// Copies `values` as they lie in memory (little endian on every machine that Lorgnette runs on).
    public init(floats values: [Float]) {
        self = values.withUnsafeBytes { raw in Payload(count: raw.count) { $0.copyMemory(from: raw) } }
    }

    /// Makes room for `count` bytes, 64-byte aligned, and lets `fill` write all of them.
    public init(count: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        let base = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
        storage = Storage(base: base, count: count, owner: .heap)
        try fill(UnsafeMutableRawBufferPointer(start: base, count: count))
    }

    /// Takes over bytes that lie elsewhere. `release` runs once, on any thread, when nobody needs them; until then they must not change.
    public init(adopting bytes: UnsafeRawBufferPointer, release: @escaping @Sendable () -> Void) {
        storage = Storage(base: bytes.baseAddress ?? Storage.nowhere, count: bytes.count, owner: .outside(release))
    }

    /// Takes over a received frame, which must come from `UnsafeMutablePointer.allocate`.
    init(adopting frame: UnsafeMutablePointer<zmq_msg_t>) {
        let size = zmq_msg_size(frame)
        storage = Storage(
            base: zmq_msg_data(frame).map { UnsafeRawPointer($0) } ?? Storage.nowhere, count: size, owner: .frame(frame))
    }

    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withExtendedLifetime(storage) { try body(UnsafeRawBufferPointer(start: storage.base, count: storage.count)) }
    }

    /// A frame to send. Large ones point at our bytes and keep them alive until libzmq's thread has written them.
    func makeFrame(_ frame: inout zmq_msg_t) throws(WireError) {
        // Under a kilobyte, a copy is cheaper than libzmq's bookkeeping for foreign memory.
        if count < 1024 {
            guard zmq_msg_init_size(&frame, count) == 0 else { throw .last("allocate a frame") }
            if count > 0 { memcpy(zmq_msg_data(&frame), storage.base, count) }
        } else {
            let hold = Unmanaged.passRetained(storage)
            let result = zmq_msg_init_data(
                &frame, UnsafeMutableRawPointer(mutating: storage.base), count,
                { _, hint in if let hint { Unmanaged<Storage>.fromOpaque(hint).release() } }, hold.toOpaque())
            guard result == 0 else {
                hold.release()
                throw .last("allocate a frame")
            }
        }
    }

    /// The bytes never change after init, and freeing them is safe on any thread: hence the unchecked Sendable.
    private final class Storage: @unchecked Sendable {
        enum Owner {
            case heap
            case frame(UnsafeMutablePointer<zmq_msg_t>)
            case outside(@Sendable () -> Void)
        }

        /// The address of no bytes; never read.
        static var nowhere: UnsafeRawPointer { UnsafeRawPointer(bitPattern: 64)! }
        let base: UnsafeRawPointer
        let count: Int
        let owner: Owner

        init(base: UnsafeRawPointer, count: Int, owner: Owner) {
            self.base = base
            self.count = count
            self.owner = owner
        }

        deinit {
            switch owner {
            case .heap: base.deallocate()
            case .frame(let frame):
                zmq_msg_close(frame)
                frame.deallocate()
            case .outside(let release): release()
            }
        }
    }
}

extension Payload {
    static func copy(_ bytes: [UInt8], to frame: inout zmq_msg_t) throws(WireError) {
        guard zmq_msg_init_size(&frame, bytes.count) == 0 else { throw .last("allocate a frame") }
        bytes.withUnsafeBytes { if let base = $0.baseAddress { memcpy(zmq_msg_data(&frame), base, $0.count) } }
    }
}
