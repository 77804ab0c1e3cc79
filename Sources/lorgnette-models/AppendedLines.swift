import Foundation

/// A file that grows by whole lines and is taken up again where it stopped.
///
/// A line is appended by one write; what is left of a line that was cut short is removed when the file is opened. One
/// process writes at a time.
final class AppendedLines {
    private let path: String
    private let file: Int32

    /// Opens or makes the file. Throws `EvaluationFault` if it cannot be opened or another process writes it.
    init(path: String) throws(EvaluationFault) {
        self.path = path
        file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw .init("\(path): \(Self.reason)") }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            close(file)
            throw .init("\(path): expected to be the only one who writes it, found another: \(Self.reason)")
        }
        do {
            try removeTornLine()
        } catch {
            close(file)
            throw error
        }
    }

    deinit { close(file) }

    /// Appends an object as one line of JSON, keys sorted.
    func append(_ object: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = try encoder.encode(object) + [UInt8(ascii: "\n")]
        let written = line.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        guard written == line.count else {
            throw EvaluationFault("\(path): expected to write \(line.count) bytes, wrote \(written): \(Self.reason)")
        }
    }

    private func removeTornLine() throws(EvaluationFault) {
        var length = lseek(file, 0, SEEK_END)
        var byte: UInt8 = 0
        while length > 0 {
            guard pread(file, &byte, 1, length - 1) == 1 else { throw .init("\(path): \(Self.reason)") }
            if byte == UInt8(ascii: "\n") { break }
            length -= 1
        }
        guard ftruncate(file, length) == 0 else { throw .init("\(path): \(Self.reason)") }
    }

    private static var reason: String { String(cString: strerror(errno)) }
}
