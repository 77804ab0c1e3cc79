/// How one check went.
public enum Verdict: Hashable, Sendable {
    case ok
    /// What was expected and what was found.
    case failed(String)
    /// Why it could not be checked.
    case notChecked(String)
}

/// What `experts check` has to say about a worker.
public struct Report: Sendable {
    public struct Line: Sendable {
        /// Group and name, with a dot.
        public let name: String
        /// What the contract says.
        public let about: String
        public let verdict: Verdict
        /// 0 for what was judged all along.
        public let seconds: Double
        /// The end of the worker's log, for a failure.
        public let log: String

        /// For a person.
        public var text: String {
            let label = name + String(repeating: " ", count: max(1, 20 - name.count))
            switch verdict {
            case .ok: return "ok           \(label)\(about)"
            case .failed(let reason):
                let tail = log.isEmpty ? "" : "\n             its log ends: \(log)"
                return "FAILED       \(label)\(about)\n             \(reason)\(tail)"
            case .notChecked(let reason): return "not checked  \(label)\(about): \(reason)"
            }
        }
    }

    /// The worker, in words.
    public let subject: String
    public let lines: [Line]

    public var failures: [Line] {
        lines.filter { if case .failed = $0.verdict { true } else { false } }
    }

    /// "52 checks: 50 ok, 1 failed, 1 not checked".
    public var summary: String {
        let ok = lines.count { $0.verdict == .ok }
        return
            "\(lines.count) checks: \(ok) ok, \(failures.count) failed, \(lines.count - ok - failures.count) not checked"
    }

    /// For programs that read test results: one suite, a case for each check.
    public var junit: String {
        let skipped = lines.count { if case .notChecked = $0.verdict { true } else { false } }
        let time = lines.reduce(0) { $0 + $1.seconds }
        var text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuite name="\(Report.escaped("experts check \(subject)"))" tests="\(lines.count)" failures="\(failures.count)" \
            errors="0" skipped="\(skipped)" time="\(Report.shown(time))">

            """
        for line in lines {
            let group = line.name.prefix { $0 != "." }
            text +=
                "  <testcase classname=\"\(group)\" name=\"\(line.name): \(Report.escaped(line.about))\" time=\"\(Report.shown(line.seconds))\""
            switch line.verdict {
            case .ok: text += "/>\n"
            case .failed(let reason):
                text +=
                    "><failure message=\"\(Report.escaped(reason))\">\(Report.escaped(line.log))</failure></testcase>\n"
            case .notChecked(let reason): text += "><skipped message=\"\(Report.escaped(reason))\"/></testcase>\n"
            }
        }
        return text + "</testsuite>\n"
    }

    /// Milliseconds are enough.
    private static func shown(_ seconds: Double) -> String { "\((seconds * 1000).rounded() / 1000)" }

    /// A worker's words may be anything; XML 1.0 has no place for control characters.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "\n", "\t": escaped += " "
            default:
                let isAllowed =
                    scalar.value >= 0x20 && scalar.value != 0x7F && !(0xFFFE...0xFFFF).contains(scalar.value)
                escaped.unicodeScalars.append(isAllowed ? scalar : "\u{FFFD}")
            }
        }
        return escaped
    }
}
