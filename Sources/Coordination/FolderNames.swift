import Glibc

/// The names in one folder, in byte order, packed one behind another: a folder may have millions.
struct FolderNames: Sendable {
    /// Each name with a zero behind it.
    private let bytes: [UInt8]
    private let starts: [Int]
    private var taken = 0

    /// All that `folder` has, without itself and its parent.
    init(_ folder: OpaquePointer) {
        var bytes: [UInt8] = []
        var starts: [Int] = []
        while let entry = readdir(folder) {
            withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: UInt8.self, capacity: 256) { name in
                    let count = strlen(UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
                    if name[0] == 0x2E, count == 1 || (count == 2 && name[1] == 0x2E) { return }
                    starts.append(bytes.count)
                    bytes.append(contentsOf: UnsafeBufferPointer(start: name, count: count + 1))
                }
            }
        }
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            let names = UnsafeRawPointer(base).assumingMemoryBound(to: CChar.self)
            starts.sort { strcmp(names + $0, names + $1) < 0 }
        }
        self.bytes = bytes
        self.starts = starts
    }

    /// The next name; nil behind the last.
    mutating func next() -> [UInt8]? {
        guard taken < starts.count else { return nil }
        let start = starts[taken]
        taken += 1
        return Array(bytes[start...].prefix { $0 != 0 })
    }
}
