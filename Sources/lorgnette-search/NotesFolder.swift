import ExpertKit
import Glibc

/// The notes below a folder: its `.txt` and `.md` files. Links are not followed, hidden names are passed over.
struct NotesFolder {
    static let mostFiles = 100_000
    static let mostBytesOfFile = 4 << 20
    static let mostBytes = 1 << 30
    private static let deepest = 32

    struct Note {
        /// Below the folder.
        let path: String
        let bytes: [UInt8]
        var isMarkdown: Bool { !path.lowercased().hasSuffix(".txt") }
    }

    let path: String
    /// Files that were not read, with the reason.
    private(set) var leftOut: [String] = []
    private var files = 0
    private var bytes = 0

    /// - Throws: ``ExpertFailure`` MISSING_MODEL if `path` is no folder that can be read.
    init(_ path: String) throws(ExpertFailure) {
        self.path = path
        guard let folder = opendir(path) else {
            throw .missingModel("option \"notes\": expected a folder of notes, found none at \(path): \(Self.reason)")
        }
        closedir(folder)
    }

    /// Calls `take` with each note, in an order that depends on the names alone.
    /// - Throws: BAD_OPTION over the limits; what `take` throws.
    mutating func readAll(_ take: (Note) throws -> Void) throws {
        let root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { throw ExpertFailure.missingModel("\(path): \(Self.reason)") }
        try walk(root, below: "", depth: 0, take)
    }

    /// Closes `folder`.
    private mutating func walk(_ folder: Int32, below prefix: String, depth: Int, _ take: (Note) throws -> Void) throws {
        guard let stream = fdopendir(folder) else {
            close(folder)
            return
        }
        defer { closedir(stream) }
        var names: [[CChar]] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1))
                }
            }
            if name[0] != CChar(bitPattern: UInt8(ascii: ".")) { names.append(name) }
            if names.count > Self.mostFiles { throw tooMany }
        }
        for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            let shown = prefix + PrintableText(name.dropLast().map { UInt8(bitPattern: $0) }).text
            var facts = stat()
            guard fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            switch facts.st_mode & S_IFMT {
            case S_IFDIR:
                let child = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                if child < 0 || depth >= Self.deepest {
                    leftOut.append("\(shown): \(child < 0 ? Self.reason : "more than \(Self.deepest) folders deep")")
                    if child >= 0 { close(child) }
                } else {
                    try walk(child, below: shown + "/", depth: depth + 1, take)
                }
            case S_IFREG where Self.isNote(shown):
                if let bytes = try read(name, in: folder, shown) { try take(Note(path: shown, bytes: bytes)) }
            case S_IFLNK where Self.isNote(shown): leftOut.append("\(shown): a link")
            default: break
            }
        }
    }

    private static func isNote(_ name: String) -> Bool {
        let name = name.lowercased()
        return [".txt", ".md", ".markdown"].contains { name.hasSuffix($0) }
    }

    private mutating func read(_ name: [CChar], in folder: Int32, _ shown: String) throws -> [UInt8]? {
        let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            leftOut.append("\(shown): \(Self.reason)")
            return nil
        }
        defer { close(file) }
        guard let content = FileBytes.read(file, atMost: Self.mostBytesOfFile) else {
            leftOut.append("\(shown): not a file of at most \(Self.mostBytesOfFile >> 20) MiB that can be read")
            return nil
        }
        if content.contains(0) {
            leftOut.append("\(shown): not text")
            return nil
        }
        files += 1
        bytes += content.count
        if files > Self.mostFiles || bytes > Self.mostBytes { throw tooMany }
        return content
    }

    private var tooMany: ExpertFailure {
        .badOption(
            "option \"notes\": expected at most \(Self.mostFiles) files and \(Self.mostBytes >> 20) MiB of notes, found more in \(path)"
        )
    }

    static var reason: String { String(cString: strerror(errno)) }
}
