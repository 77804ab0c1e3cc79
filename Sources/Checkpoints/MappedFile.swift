import Glibc
import Tensors

/// A file mapped read-only and private; unmapped when the last view of it is gone.
///
/// A file that is shortened while it is mapped ends the process at the next touch of a lost page: checkpoints are
/// replaced by renaming, not rewritten in place.
public final class MappedFile: @unchecked Sendable {
    public let path: String
    public let count: Int
    private let base: UnsafeRawPointer

    /// Maps a regular file; `CheckpointError.unreadable` if that cannot be done.
    public init(path: String) throws(CheckpointError) {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(file: path, reason: Self.lastError()) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(file: path, reason: Self.lastError()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw .unreadable(file: path, reason: isFolder ? "it is a folder, not a file" : "it is not a regular file")
        }
        count = Int(status.st_size)
        guard count > 0 else {
            base = Self.nothing
            return
        }
        guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw .unreadable(file: path, reason: Self.lastError())
        }
        base = UnsafeRawPointer(address)
    }

    deinit { if count > 0 { munmap(UnsafeMutableRawPointer(mutating: base), count) } }

    /// The whole file.
    public var bytes: Bytes { Bytes(base: base, count: count, owner: self) }

    /// A range that the caller has checked to lie inside the file.
    func bytes(_ range: Range<Int>) -> Bytes {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range \(range) outside of \(count) bytes")
        return Bytes(base: base + range.lowerBound, count: range.count, owner: self)
    }

    /// Gives back the memory of the pages that lie wholly in `part`, one of this file's: they come from the file again if they
    /// are read again. For what has been copied, and would otherwise be in memory twice.
    public func forget(_ part: Bytes) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = UnsafeMutableRawPointer(mutating: part.base).alignedUp(toMultipleOf: page)
        let end = UnsafeMutableRawPointer(mutating: part.base + part.count).alignedDown(toMultipleOf: page)
        precondition(part.owner === self, "a part of another file")
        if first < end { madvise(first, end - first, MADV_DONTNEED) }
    }

    private static func lastError() -> String { String(cString: strerror(errno)) }

    // An empty mapping still needs an address; nothing is ever read from this one.
    nonisolated(unsafe) private static let nothing = UnsafeRawPointer(
        UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8))
}
