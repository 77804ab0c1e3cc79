import Testing
import Wire

/// A worker in a test's own hands: listens where a stage's `at:` says, and says what the test says.
final class FakeWorker {
    let endpoint: Endpoint
    private let socket: DealerSocket
    private let waker: Waker
    let epoch: UInt64
    private(set) var heartbeats = 0

    enum Stop { case message, heartbeat }

    struct Silence: Error, CustomStringConvertible { let description: String }

    /// - Parameters:
    ///   - keys: its own pair and whom it lets in; plain tcp if nil.
    ///   - endpoint: any port of the loopback if nil.
    init(
        _ context: ZMQContext, at endpoint: Endpoint? = nil, epoch: UInt64 = 7,
        keys: (own: KeyPair, gatekeeper: Gatekeeper)? = nil
    ) throws {
        socket = try DealerSocket(context)
        waker = try Waker()
        self.epoch = epoch
        let place = try endpoint ?? Endpoint("tcp://127.0.0.1:*")
        if let keys {
            self.endpoint = try socket.bind(place, own: keys.own, gatekeeper: keys.gatekeeper)
        } else {
            self.endpoint = try socket.bind(place)
        }
    }

    func close() { socket.close() }

    /// Waits until somebody is connected.
    func send(_ body: Lorgnette_V1_Envelope.OneOf_Body, epoch: UInt64? = nil) throws {
        let deadline = SuspendingClock.now + .seconds(20)
        while try socket.send(Message(epoch: epoch ?? self.epoch, body)) == .full {
            guard .now < deadline else { throw Silence(description: "nobody connects") }
            _ = try Poller.wait(socket, waker: waker, timeout: .milliseconds(100), writable: true)
        }
    }

    /// The next message but Heartbeats, which it answers; nil if none comes in time.
    func poll(_ patience: Duration, until stopping: Stop = .message) throws -> Message? {
        let deadline = SuspendingClock.now + patience
        repeat {
            while let received = try socket.receive() {
                guard case .message(let message) = received else { continue }
                guard case .heartbeat = message.envelope.body else { return message }
                heartbeats += 1
                try send(.heartbeat(.init()))
                if stopping == .heartbeat { return nil }
            }
            _ = try Poller.wait(socket, waker: waker, timeout: min(patience, .milliseconds(100)))
        } while .now < deadline
        return nil
    }

    func next() throws -> Message {
        guard let message = try poll(.seconds(20)) else { throw Silence(description: "nothing comes") }
        return message
    }

    func hello(calling name: String = "") -> Lorgnette_V1_Hello {
        .with {
            $0.worker = name
            $0.service = "fake"
            $0.software = "fake 1"
            $0.concurrency = 1
            $0.inputs = [
                .with {
                    $0.name = "picture"
                    $0.kind = .picture
                    $0.required = true
                }
            ]
            $0.outputs = [
                .with {
                    $0.name = "text"
                    $0.kind = .text
                }
            ]
        }
    }

    /// Welcome, Ready. The Welcome comes when every worker has said Hello.
    func getReady(credit: UInt32 = 1) throws {
        guard case .welcome = try next().envelope.body else { throw Silence(description: "no Welcome") }
        try send(.ready(.with { $0.credit = credit }))
    }

    func task() throws -> (task: Lorgnette_V1_Task, payloads: [Payload]) {
        let message = try next()
        guard case .task(let task) = message.envelope.body else { throw Silence(description: "no Task") }
        return (task, message.payloads)
    }

    func answer(_ task: Lorgnette_V1_Task, _ text: String, epoch: UInt64? = nil) throws {
        try send(
            .result(
                .with {
                    $0.task = task.id
                    $0.attempt = task.attempt
                    $0.outcome.text = text
                }), epoch: epoch)
    }
}
