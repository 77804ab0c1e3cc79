import Crypto
import Glibc

/// A file looked at from outside: is it a picture by its first bytes, and which (SHA-256). It is never decoded here.
public struct PictureFile: Sendable, Equatable {
    /// Identity without reading: enough to see that a file was replaced or written to.
    public struct Stamp: Sendable, Equatable {
        public var size: Int64
        /// Nanoseconds since 1970.
        public var modified: Int64

        public init(size: Int64, modified: Int64) {
            self.size = size
            self.modified = modified
        }
    }

    public var stamp: Stamp
    public var format: String
    /// 32 bytes.
    public var sha256: [UInt8]

    /// Why a file is no input for the experts.
    public enum Refusal: Error, Sendable, Equatable {
        /// Not a picture and not named like one: passed over.
        case skipped(code: String, message: String)
        /// Named like a picture or a picture that cannot be taken.
        case failed(code: String, message: String)
    }

    /// Larger files are refused unread.
    public static let maxBytes: Int64 = 1 << 29

    /// What `lstat` says of the path, following links.
    public static func stamp(of path: PathBytes) -> Stamp? {
        var info = stat()
        guard path.withCString({ stat($0, &info) }) == 0 else { return nil }
        return Stamp(info)
    }

    /// Sniffs and hashes a regular file. Throws `Refusal`, or `CoordinationError` where the file is not to blame.
    public static func examine(_ path: PathBytes) throws -> PictureFile {
        let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard descriptor >= 0 else {
            if [EMFILE, ENFILE, ENOMEM].contains(errno) {
                throw CoordinationError.exhausted("cannot open \(path.display): \(systemError())")
            }
            throw Refusal.failed(code: "unreadable", message: "cannot open: \(systemError())")
        }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw Refusal.skipped(code: "not_a_file", message: "not a regular file")
        }
        let stamp = Stamp(info)
        let named = pictureSuffixes.contains(path.suffix)
        guard stamp.size > 0 else {
            let message = "empty file, expected a picture, found 0 bytes"
            throw named
                ? Refusal.failed(code: "empty", message: message) : .skipped(code: "not_a_picture", message: message)
        }
        var buffer = [UInt8](repeating: 0, count: Int(min(stamp.size, 1 << 18)))
        var hasher = SHA256()
        var format: String?
        var total: Int64 = 0
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else {
                throw Refusal.failed(code: "unreadable", message: "cannot read: \(systemError())")
            }
            if count == 0 { break }
            if total == 0 {
                format = try judge(buffer[..<count], named: named)
                guard stamp.size <= maxBytes else {
                    throw Refusal.failed(
                        code: "too_large", message: "expected at most \(maxBytes) bytes, found \(stamp.size)")
                }
            }
            total += Int64(count)
            guard total <= maxBytes else {
                throw Refusal.failed(code: "changed", message: "the file grew past \(maxBytes) bytes while it was read")
            }
            buffer.withUnsafeBytes { hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        guard total == stamp.size, let format else {
            throw Refusal.failed(
                code: "changed", message: "the file changed while it was read: \(stamp.size) bytes, then \(total)")
        }
        return PictureFile(stamp: stamp, format: format, sha256: Array(hasher.finalize()))
    }

    /// The file's bytes. Throws `Refusal` if it is not the file that was stamped.
    static func read(_ path: PathBytes, expecting expected: Stamp) throws -> [UInt8] {
        let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard descriptor >= 0 else {
            throw Refusal.failed(code: "unreadable", message: "cannot open: \(systemError())")
        }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, Stamp(info) == expected else {
            throw Refusal.failed(code: "changed", message: "the file changed after it was hashed")
        }
        var bytes = [UInt8](repeating: 0, count: Int(expected.size))
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + done, $0.count - done) }
            guard count > 0 else { throw Refusal.failed(code: "changed", message: "the file became shorter") }
            done += count
        }
        return bytes
    }

    private static func judge(_ head: ArraySlice<UInt8>, named: Bool) throws -> String {
        switch Signature.of(head) {
        case .picture(let format): return format
        case .picturesWithoutDecoder(let format):
            throw Refusal.failed(code: "unsupported_picture", message: "no decoder for \(format)")
        case .other(let what):
            let message = "not a picture: \(what)"
            throw named
                ? Refusal.failed(code: "not_a_picture", message: "named like a picture, but \(message)")
                : .skipped(code: "not_a_picture", message: message)
        }
    }

    static let pictureSuffixes: Set<String> = [
        "jpg", "jpeg", "jpe", "jfif", "png", "tif", "tiff", "webp", "gif", "bmp", "dib", "pbm", "pgm", "ppm", "pnm",
        "pam",
    ]
}

extension PictureFile.Stamp {
    init(_ info: stat) {
        size = Int64(info.st_size)
        modified = Int64(info.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(info.st_mtim.tv_nsec)
    }
}
