import Coordination
import Glibc
import Wire

/// The coordinator's side of one conversation with one worker, in the hands of a ``Trial``. While the trial waits for
/// something, it reads what comes, keeps a ``Referee`` informed, and sends the heartbeats that a coordinator owes.
/// Lives on one thread.
final class Conversation {
    enum Answer: Sendable {
        case result(Lorgnette_V1_Result, [Payload])
        case failure(Lorgnette_V1_Failure)
    }

    /// How to reach the worker.
    enum Meeting {
        /// - Parameter command: as `ExpertLocator` gives it.
        case start(command: [String], log: String)
        case connect(Endpoint)
    }

    let pace: Pace
    let process: ExpertProcess?
    private let interruption: Interruption
    private let socket: RouterSocket
    private let waker: Waker
    private var poller = EagerPoller()
    private let origin = SuspendingClock.now
    private var peer: Peer?
    private var lastSent = Duration.zero
    private var lastLooked = Duration.zero

    private(set) var referee: Referee
    private(set) var epoch: UInt64 = 0
    private(set) var hello: Lorgnette_V1_Hello?
    private(set) var hellos = 0
    private(set) var ready: Lorgnette_V1_Ready?
    private(set) var heartbeats = 0
    private(set) var goodbye: Lorgnette_V1_Goodbye?
    /// The worker's own Failure, with task 0.
    private(set) var ownFailure: Lorgnette_V1_Failure?
    private(set) var answers: [TaskKey: [Answer]] = [:]
    private(set) var isWelcomed = false
    /// Drain, SIGTERM or silence: nothing more can be asked of it.
    var isEnding = false
    /// A process that is not looked after keeps its group alive when its leader ends.
    var looksAfterProcess = true
    /// Says nothing, not even heartbeats.
    var isMute = false { didSet { referee.isExcused = referee.isExcused || isMute } }

    var now: Duration { origin.duration(to: .now) }

    init(_ meeting: Meeting, name: String, endpoint: Endpoint, pace: Pace, interruption: Interruption) throws {
        self.pace = pace
        self.interruption = interruption
        waker = interruption.waker
        socket = try RouterSocket(ZMQContext())
        switch meeting {
        case .connect(let endpoint):
            process = nil
            try socket.connect(endpoint, keepsLastWords: true)
        case .start(let command, let log):
            try socket.bind(endpoint)
            process = try ExpertProcess.spawn(
                name: name, command: command,
                environment: [
                    "LORGNETTE_CONNECT": endpoint.text, "LORGNETTE_WORKER": name, "LORGNETTE_PARENT": "\(getpid())",
                    "OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1",
                ], log: log)
        }
        referee = Referee(
            worker: process == nil ? nil : name, heartbeat: pace.heartbeat, liveness: pace.liveness, now: .zero)
    }

    /// Ends the worker's process group, whatever it does, and gives what the referee found.
    func close() -> Findings {
        if process?.poll() == nil { referee.finish(at: now) }
        if let process {
            if !looksAfterProcess { Glibc.kill(-process.identifier, SIGKILL) }
            process.kill()
            // SIGKILL cannot be refused, so the wait is short.
            let deadline = now + .seconds(5)
            while process.poll() == nil, now < deadline { usleep(500) }
        }
        socket.close()
        return referee.findings
    }

    // MARK: Waiting

    /// Waits until `found` gives something.
    /// - Throws: ``Complaint`` at the end of `patience`, or of the worker.
    func wait<Value>(for expected: String, within patience: Duration, _ found: () throws -> Value?) throws -> Value {
        var deadline = now + patience
        while true {
            if let value = try found() { return value }
            if let ending = ending() {
                try listen(for: .milliseconds(300))
                if let value = try found() { return value }
                throw Complaint(expected: expected, found: "that the worker ended: \(ending)")
            }
            if now >= deadline {
                throw Complaint(expected: "\(expected) within \(patience.inWords)", found: "none")
            }
            deadline += try look(atMost: min(.milliseconds(50), deadline - now))
        }
    }

    /// Waits for the end of the process; gives its ending in words.
    func waitForEnd(_ why: String, within patience: Duration) throws -> String {
        guard let process else { throw Unchecked("needs a command: the process of a running worker is not ours") }
        let ending = try wait(for: "its process to end \(why)", within: patience) { process.poll() }
        try listen(for: .milliseconds(300))
        return ending
    }

    /// Reads what comes during `time`.
    func listen(for time: Duration) throws {
        let deadline = now + time
        while now < deadline { try look(atMost: deadline - now) }
    }

    private func ending() -> String? { looksAfterProcess ? process?.poll() : nil }

    /// One look at the socket. Gives the time that we were held up, for which the worker is not to blame.
    @discardableResult
    private func look(atMost time: Duration) throws -> Duration {
        if interruption.isRequested { throw ConformanceError.interrupted }
        if !isMute, hello != nil, now - lastSent >= pace.heartbeat { say(.heartbeat(.init())) }
        let before = now
        _ = try poller.wait(socket, waker: waker, timeout: time)
        let stall = max(.zero, (now - before) - time) + max(.zero, before - lastLooked - .milliseconds(10))
        let held = stall > .milliseconds(100) ? stall : .zero
        if held > .zero { referee.forgive(held) }
        while let received = try socket.receive() {
            switch received {
            case .message(let from, let message): hear(message, from: from)
            case .malformed(_, let fault): referee.heard(fault, at: now)
            }
        }
        lastLooked = now
        return held
    }

    private func hear(_ message: Message, from sender: Peer) {
        guard let body = message.envelope.body else { return }
        if peer == nil { peer = sender }
        // A second link of the same process would be another worker's to a coordinator.
        guard sender == peer else { return }
        referee.heard(message, at: now)
        switch body {
        case .hello(let body):
            if hello == nil { (hello, epoch) = (body, message.envelope.epoch) }
            hellos += 1
        case .ready(let body): ready = ready ?? body
        case .heartbeat: heartbeats += 1
        case .goodbye(let body): goodbye = body
        case .failure(let failure) where failure.task == 0: ownFailure = ownFailure ?? failure
        case .failure(let failure):
            answers[TaskKey(id: failure.task, attempt: failure.attempt), default: []].append(.failure(failure))
        case .result(let result):
            answers[TaskKey(id: result.task, attempt: result.attempt), default: []].append(
                .result(result, message.payloads))
        default: break
        }
    }

    // MARK: Saying

    func say(_ body: Lorgnette_V1_Envelope.OneOf_Body, payloads: [Payload] = [], version: UInt32 = WireProtocol.version) {
        guard let peer else { return }
        var message = Message(epoch: epoch, body, payloads: payloads)
        message.envelope.protocol = version
        lastSent = now
        // A worker that is gone is noticed by its process.
        _ = try? socket.send(message, to: peer)
    }

    /// Sends bytes that may be no Envelope.
    func say(raw frame: [UInt8], payloads: [Payload] = []) {
        guard let peer else { return }
        _ = try? socket.send(raw: frame, payloads: payloads, to: peer)
    }

    func welcome(_ stage: String, _ options: [String: WireValue], liveness: Duration? = nil) {
        isWelcomed = true
        referee.welcomed(at: now)
        say(
            .welcome(
                .with {
                    $0.stage = stage
                    $0.optionValues = options
                    $0.heartbeatMs = pace.heartbeat.wire
                    $0.livenessMs = (liveness ?? pace.liveness).wire
                    $0.maxMessageBytes = UInt64(WireLimits().maxMessageBytes)
                }))
    }

    /// A task is about to be sent, in whatever form.
    func expect(_ task: PreparedTask) { referee.asked(task.key, picture: task.picture, at: now) }

    /// Sends a task; its answer will be in `answers`.
    @discardableResult
    func ask(_ task: PreparedTask) -> TaskKey {
        expect(task)
        say(.task(task.header), payloads: task.payloads)
        return task.key
    }
}

extension Duration {
    fileprivate var wire: UInt32 {
        UInt32(clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
    }
}
