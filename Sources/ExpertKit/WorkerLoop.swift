import Glibc
import Wire

/// The thin loop around a ``WorkerSession``: owns the socket, never computes, and so beats while the expert loads or works.
final class WorkerLoop<Worker: Expert> {
    /// How long a worker says Hello to a coordinator that was there when it was started.
    private static var patience: Duration { .seconds(60) }
    /// How long the last words may take.
    private static var farewell: Duration { .seconds(1) }
    /// Progress is dropped while more than this waits to be sent: the Result has the whole text anyway.
    private static var maxWaitingForProgress: Int { 64 }

    private let socket: DealerSocket
    private let waker: Waker
    private let mailbox: Mailbox
    private let workshop: Workshop<Worker>
    private let mischief: Mischief?
    private let label: String
    private var session: WorkerSession
    private var outbox: [Message] = []
    private var exitCode: ExitCode?

    /// Make, run and drop it on one thread.
    init(
        _ meeting: Meeting, worker: String, context: ZMQContext, waker: Waker, epoch: UInt64 = .random(in: 1...(.max)),
        limits: WireLimits = WireLimits(), mischief: Mischief? = nil
    ) throws(WireError) {
        socket = try DealerSocket(context, limits: limits)
        let description = Worker.description
        let label = "lorgnette-\(description.service)\(worker.isEmpty ? "" : " [\(worker)]")"
        var patience: Duration?
        switch meeting {
        case .connect(let endpoint):
            try socket.connect(endpoint)
            patience = WorkerLoop.patience
        case .bind(let endpoint, nil): try socket.bind(endpoint)
        case .bind(let endpoint, let keys?):
            let own = try KeyFolder.home.keyPair(keys.own)
            var allowed: Set<PublicKey> = []
            for name in keys.allowed { allowed.insert(try KeyFolder.home.publicKey(name)) }
            let keeper = try Gatekeeper(context, allowing: allowed) { Log.line("\(label): \($0)") }
            try socket.bind(endpoint, own: own, gatekeeper: keeper)
        }
        self.label = label
        self.waker = waker
        mailbox = Mailbox(waker: waker)
        self.mischief = mischief
        workshop = Workshop(mailbox: mailbox, mischief: mischief)
        session = WorkerSession(
            description, worker: worker, pid: UInt32(clamping: getpid()), epoch: epoch, patience: patience, now: .now)
    }

    /// Serves until the conversation ends. `isAskedToEnd` is looked at whenever the waker was called.
    func run(isAskedToEnd: () -> Bool = { false }) throws(WireError) -> ExitCode {
        var asked = false
        var poller = EagerPoller()
        try perform(session.begin(at: .now))
        while exitCode == nil {
            let timeout = session.nextDeadline.map { SuspendingClock.now.duration(to: $0) }
            _ = try poller.wait(socket, waker: waker, timeout: timeout, writable: !outbox.isEmpty)
            // All that waits is read before the clock is asked about silence. Bounded, so that heartbeats go out under any flood.
            for _ in 0..<256 {
                guard let received = try socket.receive() else { break }
                switch received {
                case .message(let message): try perform(session.handle(.received(message), at: .now))
                case .malformed(let fault): try perform(session.handle(.malformed(fault), at: .now))
                }
            }
            for event in mailbox.takeAll() { try perform(session.handle(event, at: .now)) }
            if !asked, isAskedToEnd() {
                asked = true
                try perform(session.handle(.drain, at: .now))
            }
            try perform(session.tick(at: .now))
            try flush()
        }
        workshop.close()
        let deadline = SuspendingClock.now.advanced(by: WorkerLoop.farewell)
        while !outbox.isEmpty, .now < deadline {
            _ = try Poller.wait(
                socket, waker: waker, timeout: SuspendingClock.now.duration(to: deadline), writable: true)
            try flush()
        }
        socket.close(linger: WorkerLoop.farewell)
        return exitCode ?? .internalFault
    }

    private func perform(_ actions: [WorkerSession.Action]) throws(WireError) {
        for action in actions {
            switch action {
            case .send(let message): try send(message)
            case .load(let options): try workshop.load(options)
            case .run(let header, let payloads):
                let key = ExpertTask.Key(id: header.id, attempt: header.attempt)
                let task = ExpertTask(header, payloads: payloads, arrived: .now) { [mailbox] text, fraction in
                    mailbox.put(.progress(key, text: text, fraction: fraction))
                }
                workshop.run(task)
            case .cancel(let key): workshop.cancel(key)
            case .log(let text): Log.line("\(label): \(text)")
            case .exit(let code): exitCode = code
            }
        }
    }

    private func send(_ message: Message) throws(WireError) {
        switch message.envelope.body {
        // One waits for the link, and is enough.
        case .hello where !outbox.isEmpty: return
        case .progress where outbox.count > WorkerLoop.maxWaitingForProgress: return
        case .heartbeat where !outbox.isEmpty: return
        default:
            outbox += mischief?.befall(message) ?? [message]
            try flush()
        }
    }

    /// In order: what follows a message that does not fit waits behind it.
    private func flush() throws(WireError) {
        var sent = 0
        while sent < outbox.count, try socket.send(outbox[sent]) != .full { sent += 1 }
        if sent > 0 { outbox.removeFirst(sent) }
    }
}
