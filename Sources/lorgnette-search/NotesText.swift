/// Paragraphs of a note. In Markdown a heading belongs to what follows it.
enum NotesText {
    static func passages(_ text: String, file: String, isMarkdown: Bool) -> [Passage] {
        var passages: [Passage] = []
        var heading = ""
        var paragraph: [Substring] = []
        var start = 1
        var isFenced = false

        func end() {
            let whole = Passage.onOneLine(paragraph.joined(separator: " "))
            passages += Passage.pieces(whole).map { Passage(text: $0, heading: heading, file: file, line: start) }
            paragraph = []
        }

        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.drop { $0 == " " || $0 == "\t" }
            if isMarkdown, words.hasPrefix("```") || words.hasPrefix("~~~") {
                isFenced.toggle()
                continue
            }
            if isMarkdown, !isFenced, let title = title(words) {
                end()
                heading = title
            } else if isMarkdown, !isFenced, isUnderline(words), paragraph.count == 1 {
                heading = Passage.onOneLine(paragraph[0])
                paragraph = []
            } else if words.isEmpty {
                end()
            } else {
                if paragraph.isEmpty { start = index + 1 }
                paragraph.append(words)
            }
        }
        end()
        return passages
    }

    /// The words of `## Like this ##`; nil if a line is no heading.
    private static func title(_ line: Substring) -> String? {
        let marks = line.prefix { $0 == "#" }
        let rest = line.dropFirst(marks.count)
        guard (1...6).contains(marks.count), rest.isEmpty || rest.first == " " else { return nil }
        var words = Passage.onOneLine(rest)[...]
        while words.hasSuffix("#") { words.removeLast() }
        return Passage.onOneLine(words)
    }

    /// `====` or `----` under a line makes it a heading.
    private static func isUnderline(_ line: Substring) -> Bool {
        line.count >= 3 && (line.allSatisfy { $0 == "=" } || line.allSatisfy { $0 == "-" })
    }
}
