/// Where something was written. `line` is nil for what came from the command line.
public struct Position: Sendable, Hashable {
    public var line: Int?
    public var column: Int?

    public init(line: Int? = nil, column: Int? = nil) {
        self.line = line
        self.column = column
    }

    /// Not in a file: from `--set` or `--without`.
    public static let commandLine = Position()

    /// So many scalars further on the same line.
    func advanced(by scalars: Int) -> Position { Position(line: line, column: column.map { $0 + scalars }) }
}

/// A value as it was written, with the place of each of its parts; its type is decided by who reads it.
public struct Written: Sendable, Hashable {
    public enum Content: Sendable, Hashable {
        case scalar(String, quoted: Bool)
        case list([Written])
        case map([Setting])
    }

    public var position: Position
    public var content: Content

    public init(_ content: Content, at position: Position) {
        self.content = content
        self.position = position
    }
}

/// A key with its value, as written.
public struct Setting: Sendable, Hashable {
    public var key: String
    public var position: Position
    public var value: Written

    public init(key: String, at position: Position, value: Written) {
        self.key = key
        self.position = position
        self.value = value
    }
}

extension Written {
    /// The scalar's text as written, or nil for a list, a map or nothing at all.
    package var text: String? {
        guard case .scalar(let text, _) = content, !isNothing else { return nil }
        return text
    }

    /// `key:` with no value, `~` or `null`.
    package var isNothing: Bool {
        guard case .scalar(let text, quoted: false) = content else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    /// Only `true` and `false`: `yes`, `no`, `on` and `off` stay text, for `languages: [no]` is Norwegian.
    package var bool: Bool? {
        guard case .scalar(let text, quoted: false) = content else { return nil }
        return text == "true" ? true : text == "false" ? false : nil
    }

    /// A finite decimal number.
    package var number: Double? {
        guard case .scalar(let text, quoted: false) = content, text.utf8.count <= 64 else { return nil }
        let allowed = text.utf8.allSatisfy { ($0 >= 48 && $0 <= 57) || "+-.eE".utf8.contains($0) }
        guard allowed, text.utf8.contains(where: { $0 >= 48 && $0 <= 57 }) else { return nil }
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }

    /// A whole number that a double holds exactly.
    package var integer: Int? {
        guard case .scalar(let text, quoted: false) = content, let value = Int(text), abs(value) <= 1 << 53 else {
            return nil
        }
        return value
    }

    /// How a message calls this value.
    package var found: String {
        switch content {
        case .list(let items): return items.isEmpty ? "an empty list" : "a list"
        case .map: return "a map"
        case .scalar(let text, _): return isNothing ? "nothing" : quoted(text)
        }
    }
}

/// Text between quotes, on one line, short enough for a message.
package func quoted(_ text: String) -> String {
    var out = "\""
    for (index, scalar) in text.unicodeScalars.enumerated() {
        if index == 60 { return out + "…\"" }
        if JSONWriter.needsEscape(scalar) {
            out += JSONWriter.escaped(scalar)
        } else {
            out.unicodeScalars.append(scalar)
        }
    }
    return out + "\""
}

/// Text on one line, its control characters and direction marks written out.
func visible(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy { $0 == "\"" || $0 == "\\" || !JSONWriter.needsEscape($0) }
    if isPlain { return text }
    return text.unicodeScalars.map { scalar in
        scalar == "\"" || scalar == "\\" || !JSONWriter.needsEscape(scalar)
            ? String(scalar) : JSONWriter.escaped(scalar)
    }.joined()
}
