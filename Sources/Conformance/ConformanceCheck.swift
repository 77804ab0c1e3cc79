import Wire

/// Plays the coordinator towards one worker, and says whether it keeps the contract of `protos/README.md`.
public struct ConformanceCheck: Sendable {
    public var subject: Subject
    public var pace = Pace()
    /// A PNG to show; nil: one that is drawn.
    public var picture: String?
    /// Names of checks or what they begin with; empty: all.
    public var only: [String] = []

    public init(_ subject: Subject) { self.subject = subject }

    /// Name and meaning of every check, in the order of the report.
    public static var checks: [(name: String, about: String)] {
        Trial.all.map { ($0.name, $0.about) } + Rule.allCases.map { ($0.name, $0.about) }
    }

    /// Runs to the end on this thread, which may take minutes; call it on one that may block and lives as long.
    /// - Parameter observer: gets each line as soon as it is known.
    /// - Throws: what keeps the check from being made: ``ConformanceError``, `Faults`, `CoordinationError`, `WireError`.
    public func run(_ interruption: Interruption, observer: (Report.Line) -> Void) throws -> Report {
        for name in only where !ConformanceCheck.checks.contains(where: { $0.name.hasPrefix(name) }) {
            throw ConformanceError.noCheck(name)
        }
        let bench = try Bench(subject, pace: pace, picture: picture, interruption: interruption)
        defer { bench.close() }
        var lines: [Report.Line] = []
        func tell(_ line: Report.Line) {
            lines.append(line)
            observer(line)
        }
        for trial in Trial.all where isSelected(trial.name) || Trial.basic.contains(trial.name) {
            tell(try line(of: trial, bench))
        }
        bench.close()
        for rule in Rule.allCases where isSelected(rule.name) {
            tell(
                Report.Line(
                    name: rule.name, about: rule.about, verdict: bench.findings.verdict(rule), seconds: 0, log: ""))
        }
        return Report(subject: subject.stage.expert.description, lines: lines)
    }

    private func isSelected(_ name: String) -> Bool { only.isEmpty || only.contains { name.hasPrefix($0) } }

    private func line(of trial: Trial, _ bench: Bench) throws -> Report.Line {
        var verdict = Verdict.ok
        var log = ""
        let begin = SuspendingClock.now
        do {
            if trial.endsWorker, subject.isRemote { throw Bench.needsCommand }
            try trial.run(bench)
        } catch let complaint as Complaint {
            verdict = .failed(complaint.description)
            log = bench.logTail
            bench.discard()
        } catch let unchecked as Unchecked {
            verdict = .notChecked(unchecked.description)
        }
        let time = begin.duration(to: .now).components
        return Report.Line(
            name: trial.name, about: trial.about, verdict: verdict,
            seconds: Double(time.seconds) + Double(time.attoseconds) * 1e-18, log: log)
    }
}
