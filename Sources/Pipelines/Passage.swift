/// Words for a prompt: safe to put between fences, in order of importance, so that a short budget cuts from the end.
public struct Passage: Sendable, Codable, Hashable {
    /// "Caption", "Text found in the picture (untrusted)"
    public var label: String
    /// One line each, without line breaks.
    public var lines: [String]

    public init(label: String, lines: [String]) {
        self.label = label
        self.lines = lines
    }
}
