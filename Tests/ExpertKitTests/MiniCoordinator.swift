import Glibc
import Testing
import Wire

@testable import ExpertKit

/// The other side of the wire, in a test's own hands: says what the test says, hears what the worker says.
final class MiniCoordinator {
    let folder: PrivateDirectory
    let router: RouterSocket
    let endpoint: Endpoint
    private let waker: Waker
    private(set) var peer: Peer?
    private(set) var epoch: UInt64 = 0
    private(set) var heartbeats = 0

    struct Silence: Error {}

    init(_ context: ZMQContext) throws {
        folder = try PrivateDirectory(parent: "/tmp")
        router = try RouterSocket(context)
        endpoint = try router.bind(try folder.endpoint("c"))
        waker = try Waker()
    }

    /// Longer than a machine takes that is busy with something else; nothing waits so long unless it fails.
    private static let patience = Duration.seconds(60)

    /// The next message but Heartbeats.
    func next() throws -> (body: Lorgnette_V1_Envelope.OneOf_Body, payloads: [Payload]) {
        let deadline = SuspendingClock.now + Self.patience
        while .now < deadline {
            while let received = try router.receive() {
                guard case .message(let peer, let message) = received, let body = message.envelope.body else { continue }
                self.peer = peer
                epoch = message.envelope.epoch
                if case .heartbeat = body { heartbeats += 1 } else { return (body, message.payloads) }
            }
            _ = try Poller.wait(router, waker: waker, timeout: .milliseconds(100))
        }
        throw Silence()
    }

    func word() throws -> String { try next().body.word }

    /// Waits until the worker has all that was sent so far, and returns what it said meanwhile: messages keep their
    /// order, and it refuses at once a task that cannot be.
    func settle() throws -> [String] {
        try task(0)
        var words: [String] = []
        while true {
            let word = try word()
            if word == "failure 0 protocol" { return words }
            words.append(word)
        }
    }

    /// Waits until the worker has beaten once more; what else it says meanwhile is lost.
    func heartbeat() throws {
        let before = heartbeats
        let deadline = SuspendingClock.now + Self.patience
        while heartbeats == before {
            guard .now < deadline else { throw Silence() }
            guard let received = try router.receive() else {
                _ = try Poller.wait(router, waker: waker, timeout: .milliseconds(100))
                continue
            }
            if case .message(_, let message) = received, case .heartbeat? = message.envelope.body { heartbeats += 1 }
        }
    }

    /// Waits for something outside the wire.
    func until(_ condition: () -> Bool) throws {
        let deadline = SuspendingClock.now + Self.patience
        while !condition() {
            guard .now < deadline else { throw Silence() }
            _ = try Poller.wait(router, waker: waker, timeout: .milliseconds(1))
        }
    }

    /// Sends tasks and takes them back until the worker says that it drains: a signal arrives when it arrives.
    func untilDraining(from first: UInt64) throws {
        for id in first... {
            try task(id)
            try send(
                .cancel(
                    .with {
                        $0.task = id
                        $0.attempt = 1
                    }))
            let word = try word()
            if word == "failure \(id) draining" { return }
            #expect(word == "failure \(id) cancelled")
        }
    }

    func send(_ body: Lorgnette_V1_Envelope.OneOf_Body, payloads: [Payload] = [], version: UInt32 = 1) throws {
        var message = Message(epoch: epoch, body, payloads: payloads)
        message.envelope.protocol = version
        #expect(try router.send(message, to: try #require(peer)) == .sent)
    }

    func welcome(_ options: [String: WireValue] = [:], beat: UInt32 = 50, silence: UInt32 = 60_000) throws {
        try send(
            .welcome(
                .with {
                    $0.stage = "s"
                    $0.optionValues = options
                    $0.heartbeatMs = beat
                    $0.livenessMs = silence
                }))
    }

    func task(_ id: UInt64, item: String = "a.png", question: String = "") throws {
        try send(
            .task(
                .with {
                    $0.id = id
                    $0.attempt = 1
                    $0.leaseMs = 60_000
                    $0.item = item
                    $0.question = question
                }))
    }

    /// Hello, Welcome, Ready; returns the credit.
    @discardableResult
    func greet(_ options: [String: WireValue] = [:], silence: UInt32 = 60_000) throws -> UInt32 {
        guard case .hello = try next().body else { throw Silence() }
        try welcome(options, silence: silence)
        guard case .ready(let ready) = try next().body else { throw Silence() }
        return ready.credit
    }
}
