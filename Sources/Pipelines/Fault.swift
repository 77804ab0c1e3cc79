/// One thing that is wrong in a pipeline file or in a `--set`: where, which key, what was expected and what was found.
public struct Fault: Sendable, Hashable, CustomStringConvertible {
    /// The file's name as the person wrote it, or `--set`, `--without`.
    public var file: String
    /// From 1; nil where the fault has no place in a file.
    public var line: Int?
    /// From 1, in Unicode scalars.
    public var column: Int?
    /// The dotted path of the key, such as `stages.text.deadline`.
    public var key: String?
    public var message: String

    public init(file: String, line: Int? = nil, column: Int? = nil, key: String? = nil, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.key = key
        self.message = message
    }

    /// `describe.yaml:7:12: stages.text.deadline: expected …, found …`
    public var description: String {
        var place = file
        if let line { place += ":\(line)" }
        if line != nil, let column { place += ":\(column)" }
        guard let key else { return "\(place): \(message)" }
        return "\(place): \(key): \(message)"
    }
}

/// Everything that is wrong, at once, in line order; never empty when thrown.
public struct Faults: Error, Sendable, CustomStringConvertible {
    /// More than these are of no help to anybody.
    public static let most = 100

    public let faults: [Fault]
    /// How many more there were than `most`.
    public let omitted: Int

    public init(faults: [Fault]) {
        let ordered = faults.enumerated().sorted { a, b in
            (a.element.line ?? 0, a.element.column ?? 0, a.offset) < (
                b.element.line ?? 0, b.element.column ?? 0, b.offset
            )
        }
        self.faults = ordered.prefix(Self.most).map(\.element)
        omitted = max(0, faults.count - Self.most)
    }

    /// One fault a line.
    public var description: String {
        var lines = faults.map(\.description)
        if omitted > 0 { lines.append("… and \(omitted) more faults") }
        return lines.joined(separator: "\n")
    }
}
