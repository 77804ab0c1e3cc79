/// Times as a pipeline file writes them: `20s`, `1m30s`, `500ms`, `2h`, or plain seconds.
enum TimeSpan {
    private static let units: [(name: String, milliseconds: Double)] = [
        ("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1000),
    ]
    private static let order = ["h", "m", "s", "ms"]

    /// Nil if the text is no time. Parts come from large to small, each unit at most once.
    static func parse(_ text: String) -> Duration? {
        guard text.utf8.count <= 32 else { return nil }
        if let seconds = number(text[...]) { return .milliseconds((seconds * 1000).rounded()) }
        var rest = text[...]
        var milliseconds = 0.0
        var lastRank = -1
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard let amount = number(digits) else { return nil }
            rest = rest[digits.endIndex...]
            let letters = rest.prefix { $0.isLetter }
            guard let unit = units.first(where: { $0.name == letters }), let rank = order.firstIndex(of: unit.name),
                rank > lastRank
            else { return nil }
            lastRank = rank
            milliseconds += amount * unit.milliseconds
            rest = rest[letters.endIndex...]
        }
        return lastRank < 0 ? nil : .milliseconds(milliseconds.rounded())
    }

    private static func number(_ digits: Substring) -> Double? {
        guard let first = digits.first, first.isNumber, digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") })
        else { return nil }
        guard let value = Double(digits), value < 1e9 else { return nil }
        return value
    }
}
