/// Why a text is no condition, and where in it.
public struct ConditionFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// In scalars from the text's first.
    public let offset: Int
    public let message: String

    public var description: String { "character \(offset + 1): \(message)" }
}

extension Condition {
    /// - Throws: the first fault.
    public init(_ text: String) throws(ConditionFault) {
        let size = text.unicodeScalars.count
        guard size <= Self.mostScalars else {
            throw ConditionFault(offset: 0, message: "expected at most \(Self.mostScalars) characters, found \(size)")
        }
        var reader = ConditionReader(try Token.all(in: text))
        root = try reader.condition()
    }
}

private struct Token {
    enum Kind {
        case word, quoted
        case number(Double)
        case comparison, open, close, end
    }
    let kind: Kind
    let text: String
    let offset: Int

    /// How a message calls it.
    var found: String {
        switch kind {
        case .end: "the end"
        default: Pipelines.quoted(text)
        }
    }

    static func all(in text: String) throws(ConditionFault) -> [Token] {
        let scalars = Array(text.unicodeScalars)
        var tokens: [Token] = []
        var at = 0
        while at < scalars.count {
            let start = at
            func take(_ isPart: (Unicode.Scalar) -> Bool) -> String {
                while at < scalars.count, isPart(scalars[at]) { at += 1 }
                return String(String.UnicodeScalarView(scalars[start..<at]))
            }
            switch scalars[at] {
            case let scalar where scalar.properties.isWhitespace: at += 1
            case "(", ")":
                tokens.append(Token(kind: scalars[at] == "(" ? .open : .close, text: String(scalars[at]), offset: at))
                at += 1
            case "\"", "'":
                guard let end = scalars[(at + 1)...].firstIndex(of: scalars[at]) else {
                    throw ConditionFault(offset: at, message: "expected \(scalars[at]) at the end of a text, found none")
                }
                let inside = String(String.UnicodeScalarView(scalars[(at + 1)..<end]))
                tokens.append(Token(kind: .quoted, text: inside, offset: at))
                at = end + 1
            case "<", ">", "=", "!":
                tokens.append(Token(kind: .comparison, text: take { "<>=!".unicodeScalars.contains($0) }, offset: start))
            default:
                let word = take { !$0.properties.isWhitespace && !"()<>=!\"'".unicodeScalars.contains($0) }
                tokens.append(Token(kind: number(word).map { .number($0) } ?? .word, text: word, offset: start))
            }
        }
        return tokens + [Token(kind: .end, text: "", offset: scalars.count)]
    }

    private static func number(_ word: String) -> Double? {
        guard word.utf8.allSatisfy({ ($0 >= 48 && $0 <= 57) || $0 == 45 || $0 == 46 }), word.utf8.count <= 32 else {
            return nil
        }
        return Double(word)
    }
}

private struct ConditionReader {
    private let tokens: [Token]
    private var at = 0
    private var depth = 0

    init(_ tokens: [Token]) { self.tokens = tokens }

    private static let fields = ["words", "lines", "characters", "confidence", "coverage", "text", "status", "facts."]

    mutating func condition() throws(ConditionFault) -> Condition.Node {
        let node = try any()
        guard case .end = next.kind else {
            let near =
                ["&&": "and", "||": "or", "&": "and", "|": "or"][next.text] ?? NearestName.of(next.text, among: ["and", "or"])
            throw fault("\"and\", \"or\" or the end", hint: near.map { "; did you mean \"\($0)\"?" } ?? "")
        }
        return node
    }

    private var next: Token { tokens[at] }

    private func fault(_ expected: String, hint: String = "") -> ConditionFault {
        ConditionFault(offset: next.offset, message: "expected \(expected), found \(next.found)\(hint)")
    }

    /// Passes a word that has a meaning of its own.
    private mutating func passes(_ word: String) -> Bool {
        guard case .word = next.kind, next.text == word else { return false }
        at += 1
        return true
    }

    private mutating func any() throws(ConditionFault) -> Condition.Node {
        var nodes = [try every()]
        while passes("or") { nodes.append(try every()) }
        return nodes.count == 1 ? nodes[0] : .any(nodes)
    }

    private mutating func every() throws(ConditionFault) -> Condition.Node {
        var nodes = [try test()]
        while passes("and") { nodes.append(try test()) }
        return nodes.count == 1 ? nodes[0] : .every(nodes)
    }

    private mutating func test() throws(ConditionFault) -> Condition.Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Condition.deepest else { throw fault("at most \(Condition.deepest) levels") }
        if passes("not") { return .not(try test()) }
        if case .open = next.kind {
            at += 1
            let node = try any()
            guard case .close = next.kind else { throw fault("\"and\", \"or\" or \")\"") }
            at += 1
            return node
        }
        return .probe(try probe())
    }

    private mutating func probe() throws(ConditionFault) -> Condition.Probe {
        let token = next
        guard case .word = token.kind, let dot = token.text.firstIndex(of: "."), dot > token.text.startIndex else {
            throw fault("a stage's field such as text.words")
        }
        let stage = String(token.text[..<dot])
        let name = String(token.text[token.text.index(after: dot)...])
        guard let field = Self.field(name) else {
            let hint = NearestName.hint(name, among: Self.fields.map { $0 == "facts." ? "facts.NAME" : $0 }, otherwise: "fields")
            throw ConditionFault(
                offset: token.offset + stage.unicodeScalars.count + 1,
                message: "expected a field, found \(quoted(name))\(hint)")
        }
        at += 1
        return Condition.Probe(
            stage: stage, field: field, test: try test(of: field, named: token.text), offset: token.offset)
    }

    private static func field(_ name: String) -> Condition.Field? {
        if name.hasPrefix("facts."), name.utf8.count > 6 { return .fact(String(name.dropFirst(6))) }
        return [.words, .lines, .characters, .confidence, .coverage, .text, .status].first { $0.name == name }
    }

    private mutating func test(of field: Condition.Field, named name: String) throws(ConditionFault) -> Condition.Test {
        switch field {
        case .words, .lines, .characters:
            return try number(try comparison(after: name), "a number of at least 0", 0 ... .infinity)
        case .confidence, .coverage: return try number(try comparison(after: name), "a number from 0 to 1", 0...1)
        case .status:
            let isEqual = try comparison(after: name, [.equal, .unequal]) == .equal
            let choices = ["ok", "failed", "skipped"]
            guard choices.contains(next.text) else {
                throw fault(
                    "one of \(choices.joined(separator: ", "))",
                    hint: NearestName.of(next.text, among: choices).map { "; did you mean \"\($0)\"?" } ?? "")
            }
            at += 1
            return .word(tokens[at - 1].text, isEqual)
        case .text, .fact:
            if passes("empty") { return .empty }
            if passes("contains") { return .contains(try word()) }
            guard case .fact = field else {
                let isEqual = try comparison(after: name, [.equal, .unequal], or: "contains or empty") == .equal
                return .word(try word(), isEqual)
            }
            let comparison = try comparison(after: name, or: "contains or empty")
            if case .number = next.kind { return try number(comparison, "a number", -.infinity ... .infinity) }
            guard comparison == .equal || comparison == .unequal else { throw fault("a number") }
            return .word(try word(), comparison == .equal)
        }
    }

    private mutating func comparison(
        after name: String, _ allowed: [Condition.Comparison] = Condition.Comparison.allCases, or others: String? = nil
    ) throws(ConditionFault) -> Condition.Comparison {
        if case .comparison = next.kind, let comparison = allowed.first(where: { $0.rawValue == next.text }) {
            at += 1
            return comparison
        }
        let meant = ["=": "==", "=>": ">=", "=<": "<=", "<>": "!=", "!": "!=", "===": "=="][next.text]
        let hint = meant.flatMap { meant in allowed.contains { $0.rawValue == meant } ? "; did you mean \"\(meant)\"?" : nil }
        let names = allowed.map(\.rawValue) + (others.map { [$0] } ?? [])
        throw fault("one of \(names.joined(separator: " ")) after \(name)", hint: hint ?? "")
    }

    private mutating func number(
        _ comparison: Condition.Comparison, _ expected: String, _ range: ClosedRange<Double>
    ) throws(ConditionFault) -> Condition.Test {
        guard case .number(let number) = next.kind, range.contains(number) else { throw fault(expected) }
        at += 1
        return .number(comparison, number)
    }

    private mutating func word() throws(ConditionFault) -> String {
        switch next.kind {
        case .quoted: break
        case .word where !["and", "or", "not"].contains(next.text): break
        case .number: break
        default: throw fault("a word, or a text between quotes")
        }
        at += 1
        return tokens[at - 1].text
    }
}
