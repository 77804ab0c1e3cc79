import Glibc
import Wire

/// The whole loop of a worker: one thread, which waits for messages and for the time at which a held task is done.
final class FaultyWorker {
    private struct Held {
        let task: Lorgnette_V1_Task
        let payloads: [Payload]
        let due: SuspendingClock.Instant
    }

    private let plan: Plan
    private let name: String
    private let socket: DealerSocket
    private let waker: Waker
    private let epoch: UInt64
    private var heartbeat = Duration.seconds(1)
    private var liveness = Duration.seconds(30)
    private var delay = Duration.milliseconds(20)
    private var isServing = false
    private var isDraining = false
    private var held: [Held] = []
    private var done: [Key] = []
    private var lastSent = SuspendingClock.now
    private var lastHeard = SuspendingClock.now
    private var status: Int32?

    private struct Key: Hashable {
        let id: UInt64
        let attempt: UInt32
        init(_ task: Lorgnette_V1_Task) { (id, attempt) = (task.id, task.attempt) }
    }

    private static let credit = 4

    init(_ plan: Plan, name: String, endpoint: Endpoint) throws {
        self.plan = plan
        self.name = name
        epoch = plan == .epochZero ? 0 : plan == .sameEpoch ? 4711 : .random(in: 1...UInt64.max)
        socket = try DealerSocket(ZMQContext())
        waker = try Waker()
        try socket.connect(endpoint)
    }

    func run() throws -> Int32 {
        try say(.hello(hello))
        while status == nil {
            let now = SuspendingClock.now
            let next = min(held.map(\.due).min() ?? now + .seconds(1), lastSent + (isServing ? heartbeat : .seconds(1)))
            _ = try Poller.wait(socket, waker: waker, timeout: max(.zero, now.duration(to: next)))
            while status == nil, let received = try socket.receive() {
                switch received {
                case .message(let message): try hear(message)
                case .malformed(.unknownBody): if plan == .diesAtUnknown { abort() }
                case .malformed: if plan == .diesAtGarbage { abort() }
                }
            }
            try work()
            if Main.terminated.load(ordering: .relaxed) { isDraining = true }
            if isDraining, held.isEmpty, plan != .staysAtDrain { try leave() }
            if lastHeard.duration(to: .now) > liveness, plan != .outlivesSilence { status = status ?? 69 }
            try beat()
        }
        socket.close(linger: .seconds(1))
        return status ?? 0
    }

    private func beat() throws {
        guard status == nil, lastSent.duration(to: .now) >= (isServing ? heartbeat : .seconds(1)) else { return }
        if !isServing {
            if plan == .noSecondHello { lastSent = .now } else { try say(.hello(hello)) }
        } else if plan == .noIdleBeats, held.isEmpty {
            lastSent = .now
        } else {
            try say(.heartbeat(.init()))
        }
    }

    private func say(_ body: Lorgnette_V1_Envelope.OneOf_Body, _ payloads: [Payload] = [], epoch: UInt64? = nil) throws {
        var message = Message(epoch: epoch ?? self.epoch, body, payloads: payloads)
        if plan == .otherProtocol { message.envelope.protocol = 2 }
        lastSent = .now
        while try socket.send(message) == .full {
            _ = try Poller.wait(socket, waker: waker, timeout: .seconds(1), writable: true)
        }
    }

    private func leave() throws {
        if plan != .noGoodbye { try say(.goodbye(.init())) }
        if plan == .talksOn { try say(.heartbeat(.init())) }
        status = plan == .exitsThree ? 3 : 0
    }

    // MARK: Messages

    private func hear(_ message: Message) throws {
        guard message.envelope.epoch == epoch || plan == .anyEpoch else { return }
        lastHeard = .now
        switch message.envelope.body {
        case .welcome(let welcome): try accept(welcome, protocol: message.envelope.protocol)
        case .refuse: if plan != .staysWhenRefused { status = 76 }
        case .task(let task): if isServing { try take(task, message.payloads) }
        case .cancel(let cancel): try drop(cancel)
        case .drain:
            isDraining = true
            if plan == .dropsAtDrain { held = [] }
        case .goodbye: status = 0
        default: break
        }
    }

    private func accept(_ welcome: Lorgnette_V1_Welcome, protocol version: UInt32) throws {
        if isServing {
            if plan == .onceOnly { abort() }
            return
        }
        if version != WireProtocol.version, plan != .worksForOthers {
            if plan != .endsWithoutReason { try fail(nil, .protocol, "expected protocol 1, found \(version)") }
            status = 76
            return
        }
        (heartbeat, liveness) = (.milliseconds(Int(welcome.heartbeatMs)), .milliseconds(Int(welcome.livenessMs)))
        switch welcome.optionValues["delay_ms"] {
        case .number(let number): delay = .milliseconds(Int(number))
        case nil: break
        case .some:
            if plan != .anyOption {
                try fail(nil, .badOption, "delay_ms: expected a number")
                status = 78
                return
            }
        }
        isServing = true
        if plan == .silentLoading { usleep(4_000_000) }
        if plan == .silentWorking { delay = .seconds(4) }
        if plan == .neverReady { return }
        let ready = Lorgnette_V1_Ready.with {
            $0.credit = plan == .noCredit ? 0 : UInt32(FaultyWorker.credit)
            $0.models = [
                .with {
                    $0.role = "language"
                    $0.name = "none"
                    $0.fingerprint = plan == .badFingerprint ? "md5:0" : "sha256:" + String(repeating: "0", count: 64)
                }
            ]
        }
        try say(.ready(ready))
        if plan == .readyTwice { try say(.ready(ready)) }
    }

    private func take(_ task: Lorgnette_V1_Task, _ payloads: [Payload]) throws {
        let key = Key(task)
        if plan == .oneAtATime, !held.isEmpty { return }
        if plan == .noAnswer || (plan == .oneAttempt && task.attempt > 1) { return }
        if plan != .worksTwice, done.contains(key) || held.contains(where: { Key($0.task) == key }) { return }
        if held.contains(where: { $0.task.id == key.id && $0.task.attempt != key.attempt }) {
            return try fail(task, .protocol, retryable: true, "another attempt is held")
        }
        if isDraining, plan != .worksAfterDrain { return try fail(task, .draining, retryable: true, "about to end") }
        if held.count >= FaultyWorker.credit, plan != .worksTwice {
            if plan == .dropsOverCredit { return }
            if plan == .finalOverCredit { return try fail(task, .internal, "over the credit") }
            return try fail(task, .protocol, retryable: true, "over the credit")
        }
        held.append(Held(task: task, payloads: payloads, due: .now + delay))
    }

    private func drop(_ cancel: Lorgnette_V1_Cancel) throws {
        guard let index = held.firstIndex(where: { $0.task.id == cancel.task && $0.task.attempt == cancel.attempt })
        else {
            if plan == .cancelsUnknown {
                try fail(
                    .with {
                        $0.id = cancel.task
                        $0.attempt = cancel.attempt
                    }, .cancelled, retryable: true, "cancelled")
            }
            return
        }
        let task = held[index].task
        if plan != .cancelledAndDone { held.remove(at: index) }
        if plan != .cancelIsSilence { try fail(task, .cancelled, retryable: true, "cancelled") }
    }

    /// Answers what is due.
    private func work() throws {
        if plan == .silentWorking, !held.isEmpty { usleep(4_000_000) }
        while let index = held.firstIndex(where: { $0.due <= .now }) {
            let next = held.remove(at: index)
            done = done.suffix(63) + [Key(next.task)]
            try answer(next.task, next.payloads)
        }
    }

    private func answer(_ task: Lorgnette_V1_Task, _ payloads: [Payload]) throws {
        do {
            let (outcome, tensors) = try Look(plan: plan).answer(task, payloads)
            if plan == .strayProgress {
                try say(
                    .progress(
                        .with {
                            $0.task = task.id + 7
                            $0.attempt = 1
                        }))
            }
            let result = Lorgnette_V1_Result.with {
                $0.task = plan == .wrongTask ? task.id + 1000 : task.id
                $0.attempt = plan == .wrongAttempt ? task.attempt + 1 : task.attempt
                $0.outcome = outcome
            }
            try say(.result(result), tensors, epoch: plan == .newEpoch ? epoch &+ 1 : epoch)
            if plan == .twoAnswers { try say(.result(result), tensors) }
        } catch let failure as Look.Failure {
            if plan == .silentAtText, failure.message == Look.noPicture { return }
            try fail(task, plan == .untypedFailure ? .unspecified : failure.code, failure.message)
        }
    }

    private func fail(
        _ task: Lorgnette_V1_Task?, _ code: Lorgnette_V1_FailureCode, retryable: Bool = false, _ message: String
    ) throws {
        let failure = Lorgnette_V1_Failure.with {
            $0.task = task?.id ?? 0
            $0.attempt = task?.attempt ?? 0
            $0.code = code
            $0.retryable = retryable
            $0.message = message
        }
        try say(.failure(failure))
    }

    private var hello: Lorgnette_V1_Hello {
        func port(_ name: String, _ kind: Lorgnette_V1_Kind, required: Bool = false) -> Lorgnette_V1_Port {
            .with {
                $0.name = name
                $0.kind = kind
                $0.required = required
            }
        }
        return .with {
            $0.service = plan == .twoWords ? "faulty worker" : "faulty"
            $0.software = "FaultyWorker 1"
            $0.about = "Keeps the contract but for \(plan.rawValue)."
            $0.worker = plan == .otherName ? "somebody" : name
            $0.inputs = [port("picture", .picture, required: true), port("context", .text), port("visual", .tensor)]
            if plan == .onePortTwice { $0.inputs.append(port("context", .text)) }
            $0.outputs = [port("text", .text, required: true), port("features", .tensor)]
            $0.options = [
                .with {
                    $0.name = "delay_ms"
                    $0.type = plan == .untypedOption ? .unspecified : .integer
                    $0.defaultText = plan == .defaultOutOfRange ? "-1" : "20"
                    $0.minimum = 0
                }
            ]
            $0.concurrency = plan == .noConcurrency ? 0 : 1
            $0.pid = UInt32(getpid())
        }
    }
}
