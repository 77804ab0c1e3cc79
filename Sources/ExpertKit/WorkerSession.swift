import Wire

/// A worker's side of the conversation, as a pure state machine: events and the time in, actions out.
/// `WorkerLoop` performs the actions; `protos/README.md` tells the same story in words.
struct WorkerSession {
    typealias Instant = SuspendingClock.Instant
    typealias Key = ExpertTask.Key

    enum Event: Sendable {
        case received(Message)
        case malformed(Malformed)
        case loaded(credit: Int, models: [ExpertModel], seconds: Double)
        case loadFailed(ExpertFailure)
        case progress(Key, text: String, fraction: Float)
        case finished(Key, Lorgnette_V1_Outcome, [Payload], seconds: Double)
        case failed(Key, ExpertFailure)
        /// The process was asked to end (SIGTERM).
        case drain
    }

    enum Action: Sendable {
        case send(Message)
        case load(ExpertOptions)
        case run(Lorgnette_V1_Task, [Payload])
        case cancel(Key)
        case log(String)
        case exit(ExitCode)
    }

    private enum State {
        case greeting(since: Instant, lastHello: Instant)
        case loading
        case serving(credit: Int)
        case over
    }

    /// Between two Hellos.
    static let helloInterval = Duration.seconds(1)
    /// How many tasks that were worked on are known again if they come once more.
    static let memory = 64

    private let description: ExpertDescription
    private let hello: Lorgnette_V1_Hello
    private let epoch: UInt64
    /// How long to say Hello to nobody; nil: for ever.
    private let patience: Duration?
    private var state = State.over
    private var draining = false
    /// What each held task is at.
    private var held: [UInt64: UInt32] = [:]
    /// The last ones that were worked on, the oldest first.
    private var answered: [Key] = []
    /// Meaningless before Welcome.
    private var liveness: Liveness<Instant>
    private var limits = WireLimits()
    private var actions: [Action] = []

    init(_ description: ExpertDescription, worker: String, pid: UInt32, epoch: UInt64, patience: Duration?, now: Instant) {
        self.description = description
        self.epoch = epoch
        self.patience = patience
        hello = description.hello(worker: worker, pid: pid)
        liveness = Liveness(heartbeat: .zero, patience: .zero, now: now)
    }

    /// When `tick` has something to do, nil if never.
    var nextDeadline: Instant? {
        switch state {
        case .greeting(let since, let lastHello):
            let hello = lastHello.advanced(by: WorkerSession.helloInterval)
            return patience.map { min(hello, since.advanced(by: $0)) } ?? hello
        case .loading, .serving: return liveness.nextDeadline
        case .over: return nil
        }
    }

    mutating func begin(at now: Instant) -> [Action] {
        state = .greeting(since: now, lastHello: now)
        send(.hello(hello), at: now)
        return take()
    }

    mutating func tick(at now: Instant) -> [Action] {
        switch state {
        case .greeting(let since, let lastHello):
            if let patience, since.duration(to: now) >= patience {
                end(.unanswered, "nobody answered Hello for \(patience)")
            } else if lastHello.duration(to: now) >= WorkerSession.helloInterval {
                state = .greeting(since: since, lastHello: now)
                send(.hello(hello), at: now)
            }
        case .loading, .serving:
            if liveness.isSilent(at: now) {
                abandon()
                end(.coordinatorLost, "the coordinator has been silent for \(liveness.patience)")
            } else if liveness.owesHeartbeat(at: now) {
                send(.heartbeat(Lorgnette_V1_Heartbeat()), at: now)
            }
        case .over: break
        }
        return take()
    }

    mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        if case .over = state { return [] }
        switch event {
        case .received(let message): receive(message, at: now)
        case .malformed(let fault): actions.append(.log("dropped a message: \(fault)"))
        case .loaded(let credit, let models, let seconds): loaded(credit, models, seconds, at: now)
        case .loadFailed(let failure): leave(failure, ExitCode(failure), at: now)
        case .progress(let key, let text, let fraction):
            if held[key.id] == key.attempt {
                let body = Lorgnette_V1_Progress.with {
                    $0.task = key.id
                    $0.attempt = key.attempt
                    $0.text = text
                    $0.fraction = fraction
                }
                send(.progress(body), at: now)
            }
        case .finished(let key, let outcome, let payloads, let seconds): finish(key, outcome, payloads, seconds, at: now)
        case .failed(let key, let failure):
            if let key = release(key) { refuse(key, failure, at: now) }
        case .drain: drain(at: now)
        }
        leaveIfDrained(at: now)
        return take()
    }

    // MARK: From the coordinator

    private mutating func receive(_ message: Message, at now: Instant) {
        let envelope = message.envelope
        guard envelope.epoch == epoch else {
            // Meant for the process that had this endpoint before.
            actions.append(.log("dropped a message of epoch \(envelope.epoch)"))
            return
        }
        guard envelope.protocol == WireProtocol.version else {
            let found = "expected protocol \(WireProtocol.version), found \(envelope.protocol)"
            if case .greeting = state {
                leave(ExpertFailure(.protocol, found), .refused, at: now)
            } else {
                actions.append(.log("dropped a message: \(found)"))
            }
            return
        }
        liveness.heard(at: now)
        // Heard, though not yet welcomed: a coordinator that waits for other workers is still one.
        if case .greeting(_, let lastHello) = state { state = .greeting(since: now, lastHello: lastHello) }
        switch (state, envelope.body) {
        case (.greeting, .welcome(let welcome)): accept(welcome, at: now)
        case (_, .refuse(let refuse)):
            abandon()
            end(.refused, "refused by the coordinator: \(refuse.message)")
        case (_, .goodbye(let goodbye)):
            abandon()
            end(.drained, "the coordinator said Goodbye\(goodbye.message.isEmpty ? "" : ": " + goodbye.message)")
        case (.serving(let credit), .task(let task)): accept(task, message.payloads, credit: credit, at: now)
        case (.loading, .task(let task)):
            refuse(
                Key(id: task.id, attempt: task.attempt), ExpertFailure(.protocol, retryable: true, "a Task before Ready"), at: now
            )
        case (.serving, .cancel(let cancel)):
            if held[cancel.task] == cancel.attempt { actions.append(.cancel(Key(id: cancel.task, attempt: cancel.attempt))) }
        case (.loading, .drain), (.serving, .drain): drain(at: now)
        // A second Welcome answers a Hello that crossed the first; the rest says nothing new.
        case (_, .heartbeat), (_, .welcome), (_, .cancel): break
        default: actions.append(.log("dropped a message out of sequence"))
        }
    }

    private mutating func accept(_ welcome: Lorgnette_V1_Welcome, at now: Instant) {
        guard welcome.heartbeatMs > 0, welcome.livenessMs > welcome.heartbeatMs else {
            let found = "expected 0 < heartbeat_ms < liveness_ms, found \(welcome.heartbeatMs) and \(welcome.livenessMs)"
            return leave(ExpertFailure(.protocol, found), .refused, at: now)
        }
        liveness = Liveness(
            heartbeat: .milliseconds(Int(welcome.heartbeatMs)), patience: .milliseconds(Int(welcome.livenessMs)), now: now)
        if welcome.maxMessageBytes > 0 { limits.maxMessageBytes = Int(clamping: welcome.maxMessageBytes) }
        state = .loading
        do {
            actions.append(.load(try ExpertOptions(welcome.optionValues, for: description)))
        } catch {
            leave(error, .badOption, at: now)
        }
    }

    private mutating func accept(_ task: Lorgnette_V1_Task, _ payloads: [Payload], credit: Int, at now: Instant) {
        let key = Key(id: task.id, attempt: task.attempt)
        // Sent twice: it is being worked on, and its one answer will come, or has been given.
        if held[key.id] == key.attempt || answered.contains(key) { return }
        let failure: ExpertFailure? =
            if key.id == 0 || key.attempt == 0 {
                ExpertFailure(.protocol, "expected a task id and an attempt from 1, found \(key.id) and \(key.attempt)")
            } else if let other = held[key.id] {
                ExpertFailure(.protocol, retryable: true, "attempt \(other) of this task is still held")
            } else if draining {
                ExpertFailure(.draining, retryable: true, "this worker is about to end")
            } else if held.count >= credit {
                ExpertFailure(.protocol, retryable: true, "over the credit of \(credit)")
            } else {
                description.fault(in: task, payloads: payloads.count)
            }
        if let failure {
            refuse(key, failure, at: now)
        } else {
            held[key.id] = key.attempt
            actions.append(.run(task, payloads))
        }
    }

    // MARK: From the expert

    private mutating func loaded(_ credit: Int, _ models: [ExpertModel], _ seconds: Double, at now: Instant) {
        guard case .loading = state else { return }
        state = .serving(credit: max(credit, 1))
        let body = Lorgnette_V1_Ready.with {
            $0.credit = UInt32(clamping: max(credit, 1))
            $0.models = models.map(\.wire)
            $0.loadSeconds = seconds
        }
        send(.ready(body), at: now)
    }

    private mutating func finish(
        _ key: Key, _ outcome: Lorgnette_V1_Outcome, _ payloads: [Payload], _ seconds: Double, at now: Instant
    ) {
        guard let key = release(key) else { return }
        let body = Lorgnette_V1_Result.with {
            $0.task = key.id
            $0.attempt = key.attempt
            $0.outcome = outcome
            $0.seconds = seconds
        }
        let message = Message(epoch: epoch, .result(body), payloads: payloads)
        if limits.admits(message) {
            liveness.sent(at: now)
            actions.append(.send(message))
        } else {
            refuse(key, .internalFault("the result is over the limit of \(limits.maxMessageBytes) bytes for a message"), at: now)
        }
    }

    /// The key, if the task was held until now; a stray of a former attempt changes nothing.
    private mutating func release(_ key: Key) -> Key? {
        guard held[key.id] == key.attempt else { return nil }
        held[key.id] = nil
        if answered.count == WorkerSession.memory { answered.removeFirst() }
        answered.append(key)
        return key
    }

    // MARK: Endings

    private mutating func drain(at now: Instant) {
        draining = true
        switch state {
        case .greeting: end(.drained, "asked to end before a coordinator answered")
        // Loading cannot be interrupted, and nobody waits for its end.
        case .loading: bye("", .drained, at: now)
        case .serving, .over: break
        }
    }

    private mutating func leaveIfDrained(at now: Instant) {
        if draining, held.isEmpty, case .serving = state { bye("", .drained, at: now) }
    }

    /// A failure of the worker itself: said once, then over.
    private mutating func leave(_ failure: ExpertFailure, _ code: ExitCode, at now: Instant) {
        refuse(Key(id: 0, attempt: 0), failure, at: now)
        actions.append(.log(failure.message))
        bye(failure.message, code, at: now)
    }

    private mutating func bye(_ message: String, _ code: ExitCode, at now: Instant) {
        send(.goodbye(.with { $0.message = message }), at: now)
        end(code, nil)
    }

    /// Nobody wants what is held.
    private mutating func abandon() {
        actions += held.map { .cancel(Key(id: $0.key, attempt: $0.value)) }
        held = [:]
    }

    private mutating func end(_ code: ExitCode, _ log: String?) {
        state = .over
        if let log { actions.append(.log(log)) }
        actions.append(.exit(code))
    }

    // MARK: Out

    private mutating func refuse(_ key: Key, _ failure: ExpertFailure, at now: Instant) {
        let body = Lorgnette_V1_Failure.with {
            $0.task = key.id
            $0.attempt = key.attempt
            $0.code = failure.code
            $0.retryable = failure.retryable
            $0.message = failure.message
        }
        send(.failure(body), at: now)
    }

    private mutating func send(_ body: Lorgnette_V1_Envelope.OneOf_Body, at now: Instant) {
        liveness.sent(at: now)
        actions.append(.send(Message(epoch: epoch, body)))
    }

    private mutating func take() -> [Action] {
        defer { actions = [] }
        return actions
    }
}
