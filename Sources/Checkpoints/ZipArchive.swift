import Tensors

/// The entries of a zip archive, found through its central directory; stored entries are used where they lie.
///
/// Source: PKWARE's APPNOTE 6.3.9, sections 4.3 to 4.5. Zip64 is read; archives of several disks and encryption are not.
/// Compressed entries may be in the archive, but cannot be had.
struct ZipArchive {
    private struct Entry {
        let method: UInt16
        let flags: UInt16
        let stored: UInt64
        let size: UInt64
        /// Of the entry's own header.
        let header: UInt64
    }

    /// Names in the order of the central directory.
    private(set) var names: [String] = []
    private var entries: [String: Entry] = [:]
    private let mapping: MappedFile
    /// Where the entries' data must end.
    private var limit = 0

    var file: String { mapping.path }

    /// Reads the directory of a mapped file; the entries' own headers are looked at when one is asked for.
    init(_ mapping: MappedFile) throws(CheckpointError) {
        self.mapping = mapping
        let end = try ZipEnd(mapping.bytes.buffer, file: mapping.path)
        limit = end.start
        var cursor = ByteCursor(mapping.bytes.buffer, file: mapping.path, offset: end.start)
        // Every entry takes bytes of the directory, so a lying count ends at the end of the file.
        for index in 0..<end.count { try add(&cursor, "zip directory, entry \(index)") }
    }

    func has(_ name: String) -> Bool { entries[name] != nil }

    /// The bytes of a stored entry; `CheckpointError` if there is none, if it is compressed, or if it is not in the file.
    func bytes(_ name: String) throws(CheckpointError) -> Bytes {
        guard let entry = entries[name] else {
            throw .missing(file: file, key: name, found: "\(names.count) other entries")
        }
        guard entry.method == 0, entry.flags & 1 == 0, entry.stored == entry.size else {
            throw .unsupported(
                file: file, key: name, expected: "a stored entry",
                found: entry.flags & 1 == 1 ? "an encrypted one" : "one compressed by method \(entry.method)")
        }
        guard let header = Int(exactly: entry.header), header <= limit else {
            throw malformed(name, "an entry before byte \(limit)", "its header at byte \(entry.header)")
        }
        var cursor = ByteCursor(mapping.bytes.buffer, file: file, offset: header)
        guard try cursor.integer(UInt32.self, name) == 0x0403_4B50 else {
            throw malformed(name, "an entry's header at byte \(header)", "something else")
        }
        _ = try cursor.take(22, name)
        let nameLength = try cursor.integer(UInt16.self, name)
        let extraLength = try cursor.integer(UInt16.self, name)
        let ownName = try cursor.take(UInt64(nameLength), name)
        guard ownName.elementsEqual(name.utf8) else {
            throw malformed(name, "its name in its own header", String(decoding: ownName, as: UTF8.self))
        }
        _ = try cursor.take(UInt64(extraLength), name)
        let start = cursor.offset
        guard start <= limit, entry.size <= UInt64(limit - start) else {
            throw .truncated(
                file: file, key: name, expected: "\(entry.size) bytes at offset \(start)",
                found: "\(max(0, limit - start)) before the zip directory")
        }
        return mapping.bytes(start..<start + Int(entry.size))
    }

    private mutating func add(_ cursor: inout ByteCursor, _ key: String) throws(CheckpointError) {
        guard try cursor.integer(UInt32.self, key) == 0x0201_4B50 else {
            throw malformed(key, "an entry of the directory", "something else before byte \(cursor.offset)")
        }
        _ = try cursor.take(4, key)
        let flags = try cursor.integer(UInt16.self, key)
        let method = try cursor.integer(UInt16.self, key)
        _ = try cursor.take(8, key)
        var stored = UInt64(try cursor.integer(UInt32.self, key))
        var size = UInt64(try cursor.integer(UInt32.self, key))
        let nameLength = try cursor.integer(UInt16.self, key)
        let extraLength = try cursor.integer(UInt16.self, key)
        let commentLength = try cursor.integer(UInt16.self, key)
        _ = try cursor.take(8, key)
        var header = UInt64(try cursor.integer(UInt32.self, key))
        let nameBytes = try cursor.take(UInt64(nameLength), key)
        guard let name = String(validating: nameBytes, as: UTF8.self) else {
            throw malformed(key, "a name in UTF-8", "other bytes")
        }
        var extra = ByteCursor(try cursor.take(UInt64(extraLength), key), file: file)
        try Self.widen(&extra, key, &size, &stored, &header)
        _ = try cursor.take(UInt64(commentLength), key)
        guard entries[name] == nil else { throw malformed(name, "each entry once", "it twice") }
        names.append(name)
        entries[name] = Entry(method: method, flags: flags, stored: stored, size: size, header: header)
    }

    /// Numbers that did not fit into 32 bits stand in the extra field 1, in this order.
    private static func widen(
        _ extra: inout ByteCursor, _ key: String, _ size: inout UInt64, _ stored: inout UInt64, _ header: inout UInt64
    ) throws(CheckpointError) {
        let full = UInt64(UInt32.max)
        while extra.remaining >= 4 {
            let id = try extra.integer(UInt16.self, key)
            let length = try extra.integer(UInt16.self, key)
            var field = ByteCursor(try extra.take(UInt64(length), key), file: extra.file)
            guard id == 1 else { continue }
            if size == full { size = try field.integer(UInt64.self, key) }
            if stored == full { stored = try field.integer(UInt64.self, key) }
            if header == full { header = try field.integer(UInt64.self, key) }
        }
    }

    private func malformed(_ key: String, _ expected: String, _ found: String) -> CheckpointError {
        .malformed(file: file, key: key, expected: expected, found: found)
    }
}

/// The end of a zip archive: where its directory begins, and how many entries that has.
private struct ZipEnd {
    let start: Int
    let count: UInt64

    init(_ bytes: UnsafeRawBufferPointer, file: String) throws(CheckpointError) {
        let key = "zip directory"
        guard let at = Self.record(bytes) else {
            throw .truncated(file: file, key: key, expected: "the end of a zip archive", found: "none")
        }
        var cursor = ByteCursor(bytes, file: file, offset: at + 4)
        var disks = UInt32(try cursor.integer(UInt16.self, key)) | UInt32(try cursor.integer(UInt16.self, key))
        _ = try cursor.take(2, key)
        var count = UInt64(try cursor.integer(UInt16.self, key))
        var size = UInt64(try cursor.integer(UInt32.self, key))
        var start = UInt64(try cursor.integer(UInt32.self, key))
        if let wide = try Self.wideRecord(bytes, before: at, file: file) {
            cursor = ByteCursor(bytes, file: file, offset: wide + 16)
            disks = try cursor.integer(UInt32.self, key) | cursor.integer(UInt32.self, key)
            _ = try cursor.take(8, key)
            count = try cursor.integer(UInt64.self, key)
            size = try cursor.integer(UInt64.self, key)
            start = try cursor.integer(UInt64.self, key)
        }
        guard disks == 0 else {
            throw .unsupported(file: file, key: key, expected: "an archive in one file", found: "a part of several")
        }
        guard start <= UInt64(at), size <= UInt64(at) - start else {
            throw .truncated(
                file: file, key: key, expected: "\(size) bytes at offset \(start)", found: "\(at) bytes before its end")
        }
        self.start = Int(start)
        self.count = count
    }

    /// The last record whose comment ends where the file ends.
    private static func record(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= 22 else { return nil }
        for at in stride(from: bytes.count - 22, through: max(0, bytes.count - 22 - 0xFFFF), by: -1)
        where signature(bytes, at) == 0x0605_4B50 {
            let comment = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: at + 20, as: UInt16.self))
            if at + 22 + Int(comment) == bytes.count { return at }
        }
        return nil
    }

    /// The zip64 record that a locator before the end points to; nil if there is no locator.
    private static func wideRecord(
        _ bytes: UnsafeRawBufferPointer, before end: Int, file: String
    ) throws(CheckpointError) -> Int? {
        guard end >= 20, signature(bytes, end - 20) == 0x0706_4B50 else { return nil }
        var cursor = ByteCursor(bytes, file: file, offset: end - 12)
        let place = try cursor.integer(UInt64.self, "zip64 locator")
        guard let at = Int(exactly: place), at <= end - 20 - 56, signature(bytes, at) == 0x0606_4B50 else {
            throw cursor.malformed("zip64 locator", expected: "the place of a zip64 record", found: "\(place)")
        }
        return at
    }

    private static func signature(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    }
}
