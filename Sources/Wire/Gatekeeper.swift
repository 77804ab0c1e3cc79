import CZeroMQ
import Glibc
import Locks
import Synchronization

/// Decides whom the CURVE servers of a context let in: who has a key on the allow-list, and nobody else.
///
/// libzmq asks it during each handshake (ZAP, RFC 27), before a message can pass. It answers on a thread of its own.
public final class Gatekeeper {
    /// libzmq knows the place by this name.
    private static let place = "inproc://zeromq.zap.01"
    static let domain = "lorgnette"
    /// Strangers that are remembered, so that each is told of once; a flood of keys is counted only.
    static let mostRemembered = 1000

    private let desk: Desk
    private let thread: DedicatedThread
    private var isClosed = false

    /// One for a context; make it before a socket binds, which then keeps it.
    /// - Parameter denied: told once of each stranger, on the gatekeeper's thread.
    /// - Throws: ``WireError`` for a libzmq without CURVE or older than 4.3.3, or a second gatekeeper.
    public init(
        _ context: ZMQContext, allowing allowed: Set<PublicKey>, denied: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(WireError) {
        guard KeyPair.isAvailable else { throw KeyPair.missing }
        // Before that, whoever merely connected was given a share of the messages (CVE-2020-15166).
        guard ZMQContext.version >= (4, 3, 3) else {
            throw .system(
                operation: "libzmq 4.3.3 or newer is needed to listen with CURVE:", subject: "", code: ENOTSUP)
        }
        let socket = try SocketHandle(context, type: ZMQ_REP, limits: WireLimits())
        try socket.bind(inProcess: Gatekeeper.place)
        let desk = try Desk(socket, allowed: allowed, denied: denied)
        self.desk = desk
        thread = try DedicatedThread(name: "gatekeeper") { desk.work() }
    }

    deinit { close() }

    /// Handshakes that were refused for their key; what is no CURVE never comes this far.
    public var denials: Int { desk.tally.withLock { $0.denials } }

    /// Only after the sockets that ask it: libzmq lets everybody in where nobody is to be asked.
    func close() {
        if isClosed { return }
        isClosed = true
        desk.isClosing.store(true, ordering: .releasing)
        desk.waker.wake()
        thread.join()
    }
}

/// The gatekeeper's thread: made on another one, and alone with its socket from the thread's start.
private final class Desk: PollableSocket, @unchecked Sendable {
    struct Tally {
        var denials = 0
        var told: Set<String> = []
    }

    let handle: SocketHandle
    let waker: Waker
    let isClosing = Atomic<Bool>(false)
    let tally = Locked(Tally())
    private let allowed: Set<PublicKey>
    private let denied: @Sendable (String) -> Void

    init(_ socket: SocketHandle, allowed: Set<PublicKey>, denied: @escaping @Sendable (String) -> Void)
        throws(WireError)
    {
        handle = socket
        waker = try Waker()
        self.allowed = allowed
        self.denied = denied
    }

    func work() {
        while !isClosing.load(ordering: .acquiring) {
            do throws(WireError) {
                _ = try Poller.wait(self, waker: waker, timeout: nil)
                while let question = try handle.receiveFrames() { try handle.send(frames: answer(question)) }
            } catch {
                // Not closed: without this socket libzmq would let everybody in; with it, they wait for an answer in vain.
                denied("nobody is let in any more: \(error)")
                return
            }
        }
        handle.close(linger: .zero)
    }

    /// Frames of a question: version, request, domain, address, routing id, mechanism, credentials.
    private func answer(_ question: [[UInt8]]) -> [[UInt8]] {
        let request = question.count > 1 ? question[1] : []
        func reply(_ status: String, _ text: String, user: String = "") -> [[UInt8]] {
            [Array("1.0".utf8), request, Array(status.utf8), Array(text.utf8), Array(user.utf8), []]
        }
        guard question.count >= 6, question[0] == Array("1.0".utf8) else { return reply("500", "not ZAP 1.0") }
        let address = String(decoding: question[3].prefix(64), as: UTF8.self)
        guard question[2] == Array(Gatekeeper.domain.utf8), question[5] == Array("CURVE".utf8), question.count == 7,
            let key = PublicKey(bytes: question[6])
        else {
            deny("a client at \(address) showed no CURVE key", once: address)
            return reply("400", "no CURVE key")
        }
        guard allowed.contains(key) else {
            deny("a client at \(address) has the key \(key), which is not allowed", once: key.description)
            return reply("400", "this key is not allowed")
        }
        return reply("200", "", user: key.description)
    }

    private func deny(_ text: String, once name: String) {
        let isNew = tally.withLock { tally in
            tally.denials += 1
            return tally.told.count < Gatekeeper.mostRemembered && tally.told.insert(name).inserted
        }
        if isNew { denied(text) }
    }
}
