import Glibc

/// A file that appears at its place when it is whole and on disk, or not at all: it is written beside it and renamed.
final class DraftFile {
    private let path: String
    private let draft: String
    private let file: UnsafeMutablePointer<FILE>
    private var isOpen = true

    /// Throws `CheckpointError.unwritable` if the file beside cannot be made.
    init(path: String) throws(CheckpointError) {
        self.path = path
        draft = path + ".part"
        guard let file = fopen(draft, "w") else { throw .unwritable(file: draft, reason: Self.reason) }
        self.file = file
    }

    /// What was not finished leaves nothing behind.
    deinit {
        guard isOpen else { return }
        fclose(file)
        unlink(draft)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        guard fwrite(base, 1, bytes.count, file) == bytes.count else {
            throw .unwritable(file: path, reason: Self.reason)
        }
    }

    func write(_ bytes: [UInt8]) throws(CheckpointError) {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(CheckpointError) in try write(bytes) }
        }
        try result.get()
    }

    /// Moves the file to its place. Nothing is written after.
    func finish() throws(CheckpointError) {
        // What was computed for hours must be on disk before it replaces what was there.
        guard fflush(file) == 0, fsync(fileno(file)) == 0 else { throw .unwritable(file: path, reason: Self.reason) }
        isOpen = false
        guard fclose(file) == 0, rename(draft, path) == 0 else {
            let reason = Self.reason
            unlink(draft)
            throw .unwritable(file: path, reason: reason)
        }
    }

    private static var reason: String { String(cString: strerror(errno)) }
}
