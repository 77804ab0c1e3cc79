import CZeroMQ

/// A worker's end: one socket, one coordinator. Not Sendable: one thread makes, uses and closes it.
public final class DealerSocket: PollableSocket {
    public enum Received: Sendable {
        case message(Message)
        /// Dropped; the link stands.
        case malformed(Malformed)
    }

    public let handle: SocketHandle
    private var gatekeeper: Gatekeeper?

    public init(_ context: ZMQContext, limits: WireLimits = WireLimits()) throws(WireError) {
        handle = try SocketHandle(context, type: ZMQ_DEALER, limits: limits)
    }

    deinit {
        // In this order: see Gatekeeper.close.
        handle.close(linger: .zero)
        gatekeeper?.close()
    }

    /// Listens for a coordinator that connects. Returns the endpoint with its true port where `endpoint` said `*`.
    /// - Throws: ``WireError/insecure(endpoint:)`` for one that other machines can reach.
    @discardableResult
    public func bind(_ endpoint: Endpoint) throws(WireError) -> Endpoint { try handle.bind(endpoint) }

    /// Listens for a coordinator that proves with CURVE that it has a key which the gatekeeper allows.
    /// - Parameter own: whose public half the coordinator must know.
    @discardableResult
    public func bind(_ endpoint: Endpoint, own: KeyPair, gatekeeper: Gatekeeper) throws(WireError) -> Endpoint {
        self.gatekeeper = gatekeeper
        return try handle.bind(endpoint, .server(own))
    }

    public func connect(_ endpoint: Endpoint) throws(WireError) { try handle.connect(endpoint) }

    /// Never blocks; `.full` also if no coordinator is connected.
    /// - Throws: ``WireError/unsendable(_:)`` for a message over the limits; nothing was sent.
    public func send(_ message: Message) throws(WireError) -> SendOutcome { try handle.send(message, to: nil) }

    /// The next message; nil if nothing is waiting. Never blocks.
    public func receive() throws(WireError) -> Received? {
        guard let (_, content) = try handle.receive(addressed: false) else { return nil }
        switch content {
        case .success(let message): return .message(message)
        case .failure(let fault): return .malformed(fault)
        }
    }

    /// What was sent may still be written for `linger`.
    public func close(linger: Duration = .zero) { handle.close(linger: linger) }
}
