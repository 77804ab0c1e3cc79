import Wire

/// A task is the same only together with its attempt.
struct TaskKey: Hashable, Sendable, CustomStringConvertible {
    let id: UInt64
    let attempt: UInt32
    var description: String { "task \(id), attempt \(attempt)" }
}

/// Width and height in pixels.
struct Extent: Hashable, Sendable {
    let width: Int
    let height: Int
}

/// Hears one conversation and judges it by the rules. Pure: the time is passed in.
struct Referee: Sendable {
    private enum Phase: Sendable { case greeting, loading, serving }

    /// What LORGNETTE_WORKER said; nil: it was not started by us.
    private let worker: String?
    private let heartbeat: Duration
    private let liveness: Duration
    private(set) var findings = Findings()
    private var phase = Phase.greeting
    private var epoch: UInt64?
    private var hello: Lorgnette_V1_Hello?
    private var open: [TaskKey: Extent?] = [:]
    private var answered: Set<TaskKey> = []
    private var isOver = false
    /// While we say nothing, its silence is nobody's fault.
    var isExcused = false
    private var lastHeard: Duration

    init(worker: String?, heartbeat: Duration, liveness: Duration, now: Duration) {
        self.worker = worker
        self.heartbeat = heartbeat
        self.liveness = liveness
        lastHeard = now
    }

    // MARK: What we did

    mutating func welcomed(at now: Duration) {
        phase = .loading
        lastHeard = now
    }

    /// - Parameter picture: its size, nil if the task has none.
    mutating func asked(_ key: TaskKey, picture: Extent?, at now: Duration) {
        // Between two tasks it owes heartbeats, too, but its silence as a worker begins with the task.
        if open.isEmpty { lastHeard = now }
        open[key] = picture
    }

    /// We were held up ourselves; what it sent meanwhile waited.
    mutating func forgive(_ stall: Duration) { lastHeard += stall }

    /// The end of what is heard; its process still ran.
    mutating func finish(at now: Duration) { judgeSilence(at: now, beat: false) }

    // MARK: What it said

    mutating func heard(_ fault: Malformed, at now: Duration) {
        judgeSilence(at: now, beat: false)
        findings.judge(.readable, "expected an Envelope within the limits, found: \(fault)")
    }

    mutating func heard(_ message: Message, at now: Duration) {
        let envelope = message.envelope
        guard let body = envelope.body else { return }
        judgeSilence(at: now, beat: body == .heartbeat(.init()))
        findings.judge(.readable, nil)
        findings.judge(
            .protocolNumber, envelope.protocol == 1 ? nil : "expected protocol 1, found \(envelope.protocol)")
        judge(epoch: envelope.epoch)
        findings.judge(.lastWords, isOver ? "expected nothing after Goodbye, found \(body.word)" : nil)
        switch body {
        case .hello(let hello): heard(hello)
        case .ready(let ready):
            findings.judge(
                .readyOnce, phase == .loading ? nil : "expected Ready once, after Welcome, found another one")
            findings.judge(.credit, ready.credit >= 1 ? nil : "expected a credit from 1, found 0")
            for model in ready.models { findings.judge(.models, fault(in: model)) }
            phase = .serving
        case .progress(let progress):
            let key = TaskKey(id: progress.task, attempt: progress.attempt)
            let isFraction = progress.fraction >= 0 && progress.fraction <= 1
            findings.judge(
                .progress,
                open[key] == nil
                    ? "expected Progress of an open task, found \(key)"
                    : isFraction ? nil : "expected a fraction of 0…1, found \(progress.fraction)")
        case .result(let result):
            let key = TaskKey(id: result.task, attempt: result.attempt)
            judge(result.outcome, message.payloads)
            if let picture = open[key] { judge(result.outcome, of: picture) }
            close(key)
        case .failure(let failure):
            judge(failure)
            if failure.task != 0 { close(TaskKey(id: failure.task, attempt: failure.attempt)) }
        case .goodbye: isOver = true
        case .heartbeat: break
        case .welcome, .refuse, .task, .cancel, .drain:
            findings.judge(.readable, "expected what a worker says, found \(body.word)")
        }
    }

    private mutating func judge(epoch found: UInt64) {
        if found == 0 {
            findings.judge(.epoch, "expected an epoch that is not 0, found 0")
        } else if let epoch, epoch != found {
            findings.judge(.epoch, "expected epoch \(epoch), as in Hello, found \(found)")
        } else {
            findings.judge(.epoch, nil)
        }
        if epoch == nil { epoch = found }
    }

    private mutating func heard(_ hello: Lorgnette_V1_Hello) {
        guard self.hello == nil else { return }
        self.hello = hello
        findings.judge(.service, HelloFaults.service(hello))
        if let worker {
            let fits = hello.worker == worker
            findings.judge(.workerName, fits ? nil : "expected worker \"\(worker)\", found \"\(hello.worker)\"")
        }
        findings.judge(.ports, HelloFaults.ports(hello))
        findings.judge(.options, HelloFaults.options(hello))
        findings.judge(.concurrency, hello.concurrency >= 1 ? nil : "expected a concurrency from 1, found 0")
    }

    private mutating func close(_ key: TaskKey) {
        if open.removeValue(forKey: key) != nil {
            findings.judge(.once, nil)
            findings.judge(.addressed, nil)
            answered.insert(key)
        } else if answered.contains(key) {
            findings.judge(.once, "expected one answer, found another one to \(key)")
        } else {
            let tasks = open.keys.map(\.description).sorted().joined(separator: "; ")
            findings.judge(
                .addressed, "expected an answer to \(tasks.isEmpty ? "nothing" : tasks), found one to \(key)")
        }
    }

    private mutating func judge(_ failure: Lorgnette_V1_Failure) {
        switch failure.code {
        case .unspecified, .UNRECOGNIZED:
            findings.judge(.typedFailure, "expected a failure code of the contract, found \(failure.code.rawValue)")
        default:
            findings.judge(
                .typedFailure, failure.message.isEmpty ? "expected a message, found none (\(failure.code))" : nil)
        }
    }

    private mutating func judge(_ outcome: Lorgnette_V1_Outcome, _ payloads: [Payload]) {
        if let hello { findings.judge(.outputs, OutcomeFaults.outputs(outcome, promised: hello.outputs)) }
        if let fault = OutcomeFaults.confidences(outcome) { findings.judge(.confidence, fault.description) }
        if let fault = OutcomeFaults.tensors(outcome, payloads) { findings.judge(.tensors, fault.description) }
    }

    private mutating func judge(_ outcome: Lorgnette_V1_Outcome, of picture: Extent?) {
        if let fault = OutcomeFaults.boxes(outcome, in: picture) { findings.judge(.boxes, fault.description) }
        if let fault = OutcomeFaults.facts(outcome, of: picture) { findings.judge(.pictureFacts, fault.description) }
    }

    private func fault(in model: Lorgnette_V1_Model) -> String? {
        let digits = model.fingerprint.dropFirst("sha256:".count)
        let isFingerprint =
            model.fingerprint.hasPrefix("sha256:") && digits.utf8.count == 64
            && digits.allSatisfy { $0.isHexDigit && !$0.isUppercase }
        if !isFingerprint {
            return "model \"\(model.name)\": expected sha256: and 64 hex digits, found \"\(model.fingerprint)\""
        }
        if model.role.isEmpty { return "model \"\(model.name)\": expected a role, found none" }
        if model.name.isEmpty || model.name.contains("/") {
            return "expected a model's file name without folders, found \"\(model.name)\""
        }
        return nil
    }

    // MARK: Silence

    private mutating func judgeSilence(at now: Duration, beat: Bool) {
        defer { lastHeard = max(lastHeard, now) }
        guard !isExcused, !isOver else { return }
        let rule: Rule
        switch phase {
        case .greeting: return
        case .loading: rule = .beatsWhileLoading
        case .serving where open.isEmpty: return
        case .serving: rule = .beatsWhileWorking
        }
        let silence = now - lastHeard
        if silence > liveness {
            findings.judge(
                rule,
                "expected a message every \(heartbeat.inWords), found none for \(silence.inWords); over \(liveness.inWords) is death"
            )
        } else if beat {
            findings.judge(rule, nil)
        }
    }
}

extension Lorgnette_V1_Envelope.OneOf_Body {
    /// Its name as the contract writes it.
    var word: String {
        switch self {
        case .hello: "Hello"
        case .welcome: "Welcome"
        case .refuse: "Refuse"
        case .ready: "Ready"
        case .task(let task): "Task \(task.id)"
        case .progress(let progress): "Progress of task \(progress.task)"
        case .result(let result): "Result of task \(result.task)"
        case .failure(let failure): "Failure(\(failure.code.word)) of task \(failure.task): \(failure.message)"
        case .heartbeat: "Heartbeat"
        case .cancel: "Cancel"
        case .drain: "Drain"
        case .goodbye: "Goodbye"
        }
    }
}

extension Lorgnette_V1_FailureCode {
    /// As the contract writes it: BAD_PICTURE.
    var word: String {
        switch self {
        case .unspecified: "UNSPECIFIED"
        case .badPicture: "BAD_PICTURE"
        case .unsupportedPicture: "UNSUPPORTED_PICTURE"
        case .pictureTooLarge: "PICTURE_TOO_LARGE"
        case .badInput: "BAD_INPUT"
        case .badOption: "BAD_OPTION"
        case .missingModel: "MISSING_MODEL"
        case .wrongModel: "WRONG_MODEL"
        case .outOfMemory: "OUT_OF_MEMORY"
        case .cancelled: "CANCELLED"
        case .draining: "DRAINING"
        case .internal: "INTERNAL"
        case .protocol: "PROTOCOL"
        case .changed: "CHANGED"
        case .UNRECOGNIZED(let number): "code \(number)"
        }
    }
}

extension Duration {
    /// "1.5 s".
    var inWords: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        let tenths = (milliseconds + 50) / 100
        return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }
}
