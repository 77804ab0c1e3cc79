/// Reads little-endian values from untrusted bytes; each read is checked against the end first.
struct ByteCursor {
    let buffer: UnsafeRawBufferPointer
    let file: String
    private(set) var offset = 0

    init(_ buffer: UnsafeRawBufferPointer, file: String, offset: Int = 0) {
        self.buffer = buffer
        self.file = file
        self.offset = min(max(offset, 0), buffer.count)
    }

    var remaining: Int { buffer.count - offset }

    /// The next integer; `key` says in an error what it is.
    mutating func integer<T: FixedWidthInteger>(
        _ type: T.Type = T.self, _ key: @autoclosure () -> String
    ) throws(CheckpointError) -> T {
        let size = MemoryLayout<T>.size
        guard size <= remaining else { throw cut(key(), UInt64(size)) }
        let value = T(littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: T.self))
        offset += size
        return value
    }

    /// The next `count` bytes, not copied.
    mutating func take(
        _ count: UInt64, _ key: @autoclosure () -> String
    ) throws(CheckpointError) -> UnsafeRawBufferPointer {
        guard count <= UInt64(remaining) else { throw cut(key(), count) }
        let slice = UnsafeRawBufferPointer(rebasing: buffer[offset..<offset + Int(count)])
        offset += Int(count)
        return slice
    }

    func malformed(_ key: String, expected: String, found: String) -> CheckpointError {
        .malformed(file: file, key: key, expected: expected, found: found)
    }

    private func cut(_ key: String, _ count: UInt64) -> CheckpointError {
        .truncated(file: file, key: key, expected: "\(count) bytes at offset \(offset)", found: "\(remaining)")
    }
}
