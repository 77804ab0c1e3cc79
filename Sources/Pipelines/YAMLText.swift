import Yams

/// YAML text made harmless before the parser sees it. Three things are done to it, all undone in what comes out:
/// - `&` is replaced, so there are no anchors, so no alias can be expanded, so there is no alias bomb;
/// - `?` before a space is replaced, so no key can be a list or a map of its own line;
/// - a key that is given twice gets another first letter, since the parser stops at the first such key
///   and we want to show all faults.
/// Each replacement is one scalar of a private plane for one scalar, so lines and columns stay true.
struct YAMLText {
    static let mostBytes = 1 << 20
    private static let anchorMark: Unicode.Scalar = "\u{F0000}"
    private static let keyMark: Unicode.Scalar = "\u{F0001}"
    private static let firstCopyMark: UInt32 = 0xF0100
    private static let mostCopies = 32

    private var scalars: [Unicode.Scalar]
    private var copies: [Unicode.Scalar: Unicode.Scalar] = [:]

    /// Nil if the text has scalars of the private plane already.
    init?(_ text: String) {
        var scalars = Array(text.unicodeScalars)
        if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
        for index in scalars.indices {
            switch scalars[index] {
            case "\u{F0000}"..."\u{FFFFF}": return nil
            case "&": scalars[index] = Self.anchorMark
            case "?" where index + 1 == scalars.count || scalars[index + 1].properties.isWhitespace:
                scalars[index] = Self.keyMark
            default: break
            }
        }
        self.scalars = scalars
    }

    /// The tree of the only document in the text; nil if it is empty.
    mutating func compose() throws(YamlError) -> Node? {
        while true {
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars)
            do {
                return try Yams.Parser(yaml: String(text), resolver: .basic, encoding: .utf8).singleRoot()
            } catch let YamlError.duplicatedKeysInMapping(_, context) where renameKey(at: context.mark) {
                continue
            } catch let error as YamlError {
                throw error
            } catch {
                throw .representer(problem: "\(error)")
            }
        }
    }

    /// The text as it was written.
    func restored(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case Self.anchorMark: out.append("&")
            case Self.keyMark: out.append("?")
            default: out.append(copies[scalar] ?? scalar)
            }
        }
        return String(out)
    }

    /// Whether a plain scalar stands where an anchor would.
    func isAnchor(_ text: String) -> Bool { text.unicodeScalars.first == Self.anchorMark }
    /// Whether a plain scalar stands where a long-form key would.
    func isLongKey(_ text: String) -> Bool {
        text.unicodeScalars.first == Self.keyMark && text.unicodeScalars.count > 1
    }

    /// A line of the text, from 1, as the parser saw it.
    func line(_ number: Int) -> ArraySlice<Unicode.Scalar> {
        let start = self.start(ofLine: number)
        return scalars[start...].prefix { !Self.breaks.contains($0) }
    }

    func hasAnchor(inLine number: Int) -> Bool {
        let line = self.line(number)
        return line.indices.contains { index in
            guard line[index] == Self.anchorMark, index + 1 < line.endIndex, line[index + 1] != " " else {
                return false
            }
            return index == line.startIndex || " [{,".unicodeScalars.contains(line[index - 1])
        }
    }

    func hasLongKey(inLine number: Int) -> Bool { line(number).drop { $0 == " " || $0 == "-" }.first == Self.keyMark }

    private static let breaks: Set<Unicode.Scalar> = ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"]

    private func start(ofLine number: Int) -> Int {
        var line = 1
        var index = 0
        while line < number, index < scalars.count {
            let isPair = scalars[index] == "\r" && index + 1 < scalars.count && scalars[index + 1] == "\n"
            if Self.breaks.contains(scalars[index]) { line += 1 }
            index += isPair ? 2 : 1
        }
        return index
    }

    private mutating func renameKey(at mark: Mark) -> Bool {
        var index = start(ofLine: mark.line) + mark.column - 1
        if index < scalars.count, scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
        guard index < scalars.count, copies.count < Self.mostCopies, scalars[index].properties.isAlphabetic,
            let copy = Unicode.Scalar(Self.firstCopyMark + UInt32(copies.count))
        else { return false }
        copies[copy] = scalars[index]
        scalars[index] = copy
        return true
    }
}
