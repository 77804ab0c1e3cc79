import Glibc

/// Reads files within limits.
enum FileBytes {
    /// The bytes of an open regular file; nil if it is none, has more, cannot be read, or grows meanwhile.
    static func read(_ file: Int32, atMost most: Int) -> [UInt8]? {
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_size <= most else { return nil }
        let size = Int(facts.st_size)
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: size + 1) { buffer, filled in
            while filled < buffer.count {
                let count = Glibc.read(file, buffer.baseAddress! + filled, buffer.count - filled)
                if count < 0, errno == EINTR { continue }
                if count < 0 { failed = true }
                if count <= 0 { break }
                filled += count
            }
        }
        return failed || bytes.count > size ? nil : bytes
    }

    /// Calls `take` with every line of an open file, without its line end, and its number from 1; nil stands for a line of
    /// more than `most` bytes.
    /// - Parameter see: gets all bytes in order, as they are read.
    /// - Returns: false if reading failed.
    static func readLines(
        _ file: Int32, atMost most: Int, see: (UnsafeRawBufferPointer) -> Void, take: (Int, [UInt8]?) throws -> Void
    ) rethrows -> Bool {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var line: [UInt8] = []
        var isTooLong = false
        var number = 1
        func end() throws {
            if isTooLong || !line.isEmpty { try take(number, isTooLong ? nil : line) }
            line.removeAll(keepingCapacity: true)
            isTooLong = false
            number += 1
        }
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return false }
            if count == 0 { break }
            chunk.withUnsafeBytes { see(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            var rest = chunk[..<count]
            while let newline = rest.firstIndex(of: 0x0A) {
                if line.count + (newline - rest.startIndex) > most {
                    isTooLong = true
                } else {
                    line += rest[..<newline]
                }
                try end()
                rest = rest[(newline + 1)...]
            }
            if line.count + rest.count > most { isTooLong = true } else { line += rest }
        }
        try end()
        return true
    }
}
