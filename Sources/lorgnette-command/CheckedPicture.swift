import ExpertKit
import Glibc

/// A task's picture as a path, for a program that opens it itself.
struct CheckedPicture {
    let path: String
    /// Made for it, and removed with it; nil for a picture that has a path of its own.
    private let folder: String?
    private let seen: stat

    /// Proves the file to be the one that the coordinator hashed. A picture that came as bytes is written to a folder that
    /// nobody else can enter.
    /// - Parameter item: gives such a file the end of its name.
    /// - Throws: ``ExpertFailure`` CHANGED and the others of ``PictureSource/read()``, INTERNAL if nothing can be written.
    init(_ source: PictureSource, item: String) throws(ExpertFailure) {
        switch source.place {
        case .path(let path):
            self.path = path
            folder = nil
            seen = Self.facts(path)
            _ = try source.read()
        case .bytes:
            let bytes = try source.read()
            var template = Array("\(Self.temporary)/lorgnette-command-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else {
                throw .internalFault("cannot make a folder in \(Self.temporary): \(Self.reason)")
            }
            let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            self.folder = folder
            path = "\(folder)/picture\(Self.suffix(item))"
            let isWritten = Self.write(bytes, to: path)
            seen = Self.facts(path)
            guard isWritten else {
                let reason = Self.reason
                remove()
                throw .internalFault("\(path): \(reason)")
            }
        }
    }

    /// Whether the file is still the one that was checked, by its number, size and time of change.
    var isUnchanged: Bool {
        let now = Self.facts(path)
        return now.st_ino == seen.st_ino && now.st_dev == seen.st_dev && now.st_size == seen.st_size
            && now.st_mtim.tv_sec == seen.st_mtim.tv_sec && now.st_mtim.tv_nsec == seen.st_mtim.tv_nsec
    }

    func remove() {
        guard let folder else { return }
        unlink(path)
        rmdir(folder)
    }

    private static var temporary: String { getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir }
    private static var reason: String { String(cString: strerror(errno)) }

    /// `.jpg` of `sub/cat.JPG`: some programs go by it. Nothing else of a name is let through.
    private static func suffix(_ item: String) -> String {
        let end = item.split(separator: ".").last.map { $0.lowercased() } ?? ""
        let isPlain =
            item.contains(".") && (1...5).contains(end.count)
            && end.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return isPlain ? ".\(end)" : ""
    }

    private static func facts(_ path: String) -> stat {
        var facts = stat()
        _ = stat(path, &facts)
        return facts
    }

    private static func write(_ bytes: [UInt8], to path: String) -> Bool {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        defer { close(file) }
        return bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = Glibc.write(file, buffer.baseAddress! + done, buffer.count - done)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { return false }
                done += count
            }
            return true
        }
    }
}
