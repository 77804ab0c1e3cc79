import Tensors

/// Bytes of our own, for the few values that a file keeps in a form that cannot be used in place.
final class OwnedBytes: @unchecked Sendable {
    let count: Int
    private let storage: UnsafeMutableRawBufferPointer

    init<Element: BitwiseCopyable>(_ elements: [Element]) {
        storage = .allocate(byteCount: max(elements.count * MemoryLayout<Element>.stride, 1), alignment: 64)
        count = elements.count * MemoryLayout<Element>.stride
        elements.withUnsafeBytes { storage.copyMemory(from: $0) }
    }

    deinit { storage.deallocate() }

    var bytes: Bytes { Bytes(base: UnsafeRawPointer(storage.baseAddress!), count: count, owner: self) }
}
