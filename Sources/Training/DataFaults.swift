import Checkpoints
import Glibc

/// What is wrong with training data: every fault, each with its file and line.
public struct DataFaults: Error, Equatable, CustomStringConvertible {
    private(set) var faults: [String]

    init(_ faults: [String]) { self.faults = faults }

    var isEmpty: Bool { faults.isEmpty }
    var first: String { faults.first ?? "" }

    mutating func add(_ fault: String) { faults.append(fault) }

    func check() throws(DataFaults) {
        if !faults.isEmpty { throw self }
    }

    public var description: String {
        let shown = faults.prefix(20).joined(separator: "\n")
        return faults.count > 20 ? shown + "\n… and \(faults.count - 20) more faults" : shown
    }
}

/// Text files line by line.
enum TextLines {
    /// The lines that are not empty, with their numbers from 1.
    static func read(_ path: String) throws(DataFaults) -> [(number: Int, text: Substring)] {
        guard let file = fopen(path, "r") else { throw DataFaults(["\(path): \(String(cString: strerror(errno)))"]) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        guard ferror(file) == 0 else { throw DataFaults(["\(path): \(String(cString: strerror(errno)))"]) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DataFaults(["\(path): expected UTF-8, found other bytes"])
        }
        return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap {
            $1.allSatisfy(\.isWhitespace) ? nil : ($0 + 1, $1)
        }
    }

    /// A line's JSON value.
    static func json(_ line: Substring, _ place: String) throws(DataFaults) -> JSONValue {
        var line = String(line)
        do {
            return try line.withUTF8 { bytes throws(CheckpointError) in
                try JSONValue(parsing: UnsafeRawBufferPointer(bytes), file: place)
            }
        } catch {
            throw DataFaults(["\(error)"])
        }
    }
}
