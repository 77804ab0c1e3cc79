import Tensors

/// Bytes of our own, for values that a file keeps in a form that cannot be used in place.
final class OwnedBytes: @unchecked Sendable {
    let count: Int
    private let storage: UnsafeMutableRawBufferPointer

    /// Unknown bytes; whoever asks for them writes all of them before they are used.
    init(count: Int) {
        storage = .allocate(byteCount: max(count, 1), alignment: 64)
        self.count = count
    }

    convenience init<Element: BitwiseCopyable>(_ elements: [Element]) {
        self.init(count: elements.count * MemoryLayout<Element>.stride)
        elements.withUnsafeBytes { storage.copyMemory(from: $0) }
    }

    deinit { storage.deallocate() }

    /// Writes a part, before the bytes are shared.
    func copy(_ part: Slice<UnsafeRawBufferPointer>, to offset: Int) {
        UnsafeMutableRawBufferPointer(rebasing: storage[offset..<offset + part.count])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
    }

    var bytes: Bytes { Bytes(base: UnsafeRawPointer(storage.baseAddress!), count: count, owner: self) }
}
