import Crypto
import Glibc
import Wire

/// The task's picture: a file here, or its bytes from far away.
public struct PictureSource: Sendable {
    public enum Place: Sendable {
        /// Absolute.
        case path(String)
        case bytes(Payload)
    }

    public let place: Place
    /// 32 bytes, of the file's bytes; empty if the coordinator gave none.
    public let sha256: [UInt8]
    /// 0 if the coordinator gave none.
    public let byteCount: Int

    public init(place: Place, sha256: [UInt8] = [], byteCount: Int = 0) {
        self.place = place
        self.sha256 = sha256
        self.byteCount = byteCount
    }

    /// More is refused unread, as by the coordinator.
    static let maxBytes = 512 << 20

    /// The file's bytes, proved to be those that the coordinator hashed: decode these, and the result is of that file
    /// even if it is written to meanwhile.
    /// - Throws: ``ExpertFailure`` CHANGED if the file is gone, no plain file, or another now; BAD_PICTURE if it cannot be read;
    ///   PICTURE_TOO_LARGE over 512 MiB.
    public func read() throws(ExpertFailure) -> [UInt8] {
        let (bytes, name) =
            switch place {
            case .path(let path): (try PictureSource.readFile(path, expected: byteCount), path)
            case .bytes(let payload): (payload.bytes, "the sent picture")
            }
        if byteCount > 0, bytes.count != byteCount {
            throw .changed("\(name): expected \(byteCount) bytes, found \(bytes.count): it changed since it was hashed")
        }
        if !sha256.isEmpty, Array(SHA256.hash(data: bytes)) != sha256 {
            throw .changed("\(name): its SHA-256 is not the one of the task: it changed since it was hashed")
        }
        return bytes
    }

    private static func readFile(_ path: String, expected: Int) throws(ExpertFailure) -> [UInt8] {
        func reason() -> String { String(cString: strerror(errno)) }
        // Non-blocking: a FIFO that took the file's place must not hold us for ever.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            throw errno == ENOENT
                ? .changed("\(path): it was there when it was hashed, now there is none") : .badPicture("\(path): \(reason())")
        }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw .changed("\(path): expected a plain file, found something else")
        }
        let size = Int(facts.st_size)
        if size > maxBytes { throw .pictureTooLarge("\(path): \(size) bytes, at most \(maxBytes) are read") }
        if expected > 0, size != expected {
            throw .changed("\(path): expected \(expected) bytes, found \(size): it changed since it was hashed")
        }
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            while filled < size {
                let count = Glibc.read(file, buffer.baseAddress! + filled, size - filled)
                if count < 0, errno == EINTR { continue }
                if count < 0 { code = errno }
                if count <= 0 { break }
                filled += count
            }
        }
        if code != 0 { throw .badPicture("\(path): \(String(cString: strerror(code)))") }
        return bytes
    }
}
