import Checkpoints

/// A file of JSON objects, one a line. Empty lines are passed over.
struct JSONLines {
    struct Line {
        /// The file and the line's number, for errors: "answers.jsonl, line 3".
        let place: String
        let object: JSONValue

        /// The text under `key`. Throws `EvaluationFault` with the line and the key if there is none.
        func text(_ key: String) throws(EvaluationFault) -> String {
            guard let value = object[key] else { throw .init("\(place): expected a text under \"\(key)\", found none") }
            guard let text = value.string else {
                throw .init("\(place): \"\(key)\": expected a text, found \(value.kind)")
            }
            return text
        }

        /// The texts of the array under `key`.
        func texts(_ key: String) throws(EvaluationFault) -> [String] {
            guard let values = object[key]?.array else {
                throw .init("\(place): \"\(key)\": expected an array of texts, found \(object[key]?.kind ?? "none")")
            }
            return try values.map { value throws(EvaluationFault) in
                guard let text = value.string else {
                    throw .init("\(place): \"\(key)\": expected texts, found \(value.kind)")
                }
                return text
            }
        }

        /// The value under a path of keys, such as "stages.caption.text"; nil if a key on the way is absent.
        func value(at path: String) -> JSONValue? {
            path.split(separator: ".").reduce(object) { $0?[String($1)] }
        }

        /// The name of the line's `item` without folders: by it, lines of two files are matched.
        func itemName() throws(EvaluationFault) -> String {
            let item = try text("item")
            return item.split(separator: "/").last.map(String.init) ?? item
        }
    }

    let lines: [Line]

    /// Reads a whole file. Throws `CheckpointError` for a file that cannot be read or a line that is no JSON, and
    /// `EvaluationFault` for one that is no object.
    init(path: String) throws {
        let file = try MappedFile(path: path)
        defer { withExtendedLifetime(file) {} }
        let bytes = file.bytes.buffer
        var lines: [Line] = []
        var start = 0
        var number = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            number += 1
            let place = "\(path), line \(number)"
            let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            start = end + 1
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            let object = try JSONValue(parsing: line, file: place)
            guard object.members != nil else {
                throw EvaluationFault("\(place): expected a JSON object, found \(object.kind)")
            }
            lines.append(Line(place: place, object: object))
        }
        self.lines = lines
    }
}

/// A fault in what is to be evaluated or answered: where, what was expected, what was found.
struct EvaluationFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
