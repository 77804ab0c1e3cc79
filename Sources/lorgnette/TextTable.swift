/// Rows of text in columns, long cells broken at spaces.
struct TextTable {
    let text: String

    /// - Parameters:
    ///   - rows: the first is the head; without control characters.
    ///   - widths: of the columns, in characters.
    init(_ rows: [[String]], widths: [Int]) {
        var lines: [String] = []
        for (index, row) in rows.enumerated() {
            let cells = zip(row, widths).map { Self.wrap($0, $1) }
            for level in 0..<(cells.map(\.count).max() ?? 0) {
                let parts = zip(cells, widths).map { cell, width in
                    Self.pad(level < cell.count ? cell[level] : "", width)
                }
                lines.append(parts.joined(separator: " │ "))
            }
            lines.append(
                widths.map { String(repeating: index == 0 ? "━" : "─", count: $0) }.joined(separator: index == 0 ? "━┿━" : "─┼─"))
        }
        text = lines.joined(separator: "\n")
    }

    private static func wrap(_ text: String, _ width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(whereSeparator: \.isWhitespace) {
            var word = word[...]
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            while word.count > width {
                lines.append(String(word.prefix(width)))
                word = word.dropFirst(width)
            }
            line += line.isEmpty ? word : " " + word
        }
        return line.isEmpty ? lines : lines + [line]
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
