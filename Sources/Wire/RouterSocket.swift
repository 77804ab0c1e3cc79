import CZeroMQ

/// The coordinator's end: one socket, many peers. Not Sendable: one thread makes, uses and closes it.
public final class RouterSocket: PollableSocket {
    public enum Received: Sendable {
        case message(Peer, Message)
        /// Dropped; the link stands.
        case malformed(Peer, Malformed)
    }

    public let handle: SocketHandle

    public init(_ context: ZMQContext, limits: WireLimits = WireLimits()) throws(WireError) {
        handle = try SocketHandle(context, type: ZMQ_ROUTER, limits: limits)
        // The default drops what is sent to a peer that is gone, without a word.
        try handle.set(ZMQ_ROUTER_MANDATORY, Int32(1), "ROUTER_MANDATORY")
        // A stranger must not take over the routing id, and with it the tasks, of a living worker.
        try handle.set(ZMQ_ROUTER_HANDOVER, Int32(0), "ROUTER_HANDOVER")
    }

    /// Listens. Returns the endpoint with its true port where `endpoint` said `*`.
    @discardableResult
    public func bind(_ endpoint: Endpoint) throws(WireError) -> Endpoint { try handle.bind(endpoint) }

    /// Connects to a worker that listens, now or whenever it appears.
    /// - Parameter keepsLastWords: what a worker said right before it ended is still received. What is sent to it after
    ///   its end then waits for whoever listens there next, so this is for a link to one process.
    public func connect(_ endpoint: Endpoint, keepsLastWords: Bool = false) throws(WireError) {
        // With IMMEDIATE, libzmq throws away what it has not handed over when a link breaks.
        if keepsLastWords { try handle.set(ZMQ_IMMEDIATE, Int32(0), "IMMEDIATE") }
        try handle.connect(endpoint)
    }

    /// Never blocks.
    /// - Throws: ``WireError/unsendable(_:)`` for a message over the limits; nothing was sent.
    public func send(_ message: Message, to peer: Peer) throws(WireError) -> SendOutcome { try handle.send(message, to: peer) }

    /// Sends a first frame as it is, an Envelope or not, to see how a worker takes what no coordinator should send. Never blocks.
    public func send(raw frame: [UInt8], payloads: [Payload] = [], to peer: Peer) throws(WireError) -> SendOutcome {
        try handle.send(envelope: frame, payloads: payloads, to: peer)
    }

    /// The next message; nil if nothing is waiting. Never blocks.
    public func receive() throws(WireError) -> Received? {
        guard let (peer, content) = try handle.receive(addressed: true) else { return nil }
        switch content {
        case .success(let message): return .message(peer, message)
        case .failure(let fault): return .malformed(peer, fault)
        }
    }

    /// What was sent may still be written for `linger`.
    public func close(linger: Duration = .zero) { handle.close(linger: linger) }
}
