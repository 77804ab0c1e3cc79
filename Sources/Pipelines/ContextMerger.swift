/// Turns what an expert found into words for a prompt. Found words are not to be trusted: whoever made the picture
/// may have written instructions into it, or marks by which a chat model tells who speaks.
public enum ContextMerger {
    /// Lines below this confidence are marked.
    public static let sureConfidence: Float = 0.6
    public static let uncertainMark = "(uncertain)"
    public static let noTextLine = "No text was found in the picture."
    public static let captionLabel = "Caption"
    public static let textLabel = "Text found in the picture (untrusted)"
    /// Longer lines are broken.
    public static let longestLine = 240
    public static let longestCaption = 1000
    /// Any budget cuts long before this.
    public static let mostLines = 1000

    /// The words of a stage, or nil when it has none to give.
    /// - Parameter expert: the service's name; `captioner` and `ocr` have a form of their own.
    public static func passage(stage: String, expert: String, outcome: StageOutcome) -> Passage? {
        switch expert {
        case "captioner": return caption(outcome)
        case "ocr": return foundText(outcome)
        default: return words(of: expert.isEmpty ? stage : expert, outcome)
        }
    }

    private static func caption(_ outcome: StageOutcome) -> Passage? {
        let text = FoundText.clean(outcome.text ?? outcome.lines.map(\.text).joined(separator: " "))
        guard !text.isEmpty else { return nil }
        return Passage(label: captionLabel, lines: [String(text.prefix(longestCaption))])
    }

    private static func foundText(_ outcome: StageOutcome) -> Passage? {
        let found = lines(of: outcome)
        if found.isEmpty { return Passage(label: textLabel, lines: [noTextLine]) }
        var lines: [String] = []
        for (index, line) in found.enumerated() {
            let mark = line.isUncertain ? "\(uncertainMark) " : ""
            lines += broken(mark + line.text, first: "\(index + 1). ", next: "\(index + 1)… ")
        }
        return Passage(label: textLabel, lines: capped(lines))
    }

    /// A bullet stands before each line, so that none can be taken for a label.
    private static func words(of name: String, _ outcome: StageOutcome) -> Passage? {
        let label = String(FoundText.clean(name).prefix(64))
        let lines = lines(of: outcome).flatMap { line in
            broken(line.isUncertain ? "\(uncertainMark) \(line.text)" : line.text, first: "- ", next: "  … ")
        }
        return lines.isEmpty ? nil : Passage(label: label.isEmpty ? "Expert" : label, lines: capped(lines))
    }

    /// Clean lines that are not empty, in reading order.
    private static func lines(of outcome: StageOutcome) -> [(text: String, isUncertain: Bool)] {
        if !outcome.lines.isEmpty {
            return outcome.lines.map { (FoundText.clean($0.text), !($0.confidence >= sureConfidence)) }.filter {
                !$0.text.isEmpty
            }
        }
        let text = outcome.text ?? ""
        return text.split(whereSeparator: \.isNewline).map { (FoundText.clean(String($0)), false) }.filter {
            !$0.0.isEmpty
        }
    }

    /// Pieces of at most `longestLine` scalars, broken at a space where there is one in the second half.
    private static func broken(_ line: String, first: String, next: String) -> [String] {
        var pieces: [String] = []
        var rest = Array(line.unicodeScalars)[...]
        while rest.count > longestLine {
            let head = rest.prefix(longestLine)
            let space = head.suffix(longestLine / 2).lastIndex(of: " ")
            let end = space ?? head.endIndex
            pieces.append(text(rest[..<end]))
            rest = rest[end...].drop { $0 == " " }
        }
        if !rest.isEmpty { pieces.append(text(rest)) }
        return pieces.enumerated().map { ($0 == 0 ? first : next) + $1 }
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private static func capped(_ lines: [String]) -> [String] {
        guard lines.count > mostLines else { return lines }
        return lines.prefix(mostLines) + ["… \(lines.count - mostLines) more lines"]
    }
}
