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

    /// Connects to a worker that listens, and calls it `peer` whatever it says of itself, also when it comes again as
    /// another process: what then still waits for the former one is sent to its successor.
    /// - Parameter keys: our own pair and the worker's public key; nil for plain tcp, which must stay on the loopback.
    /// - Throws: ``WireError/insecure(endpoint:)``.
    public func connect(_ endpoint: Endpoint, as peer: Peer, keys: (own: KeyPair, worker: PublicKey)?) throws(WireError) {
        // libzmq takes the id only for a link that is there at once; it ends the process if two links have the same.
        try handle.set(ZMQ_IMMEDIATE, Int32(0), "IMMEDIATE")
        guard zmq_setsockopt(handle.raw, ZMQ_CONNECT_ROUTING_ID, peer.id, peer.id.count) == 0 else {
            throw .last("set socket option", "CONNECT_ROUTING_ID")
        }
        try handle.connect(endpoint, keys.map { .client($0.own, $0.worker) })
    }

    /// Ends what `connect` began; what was not sent yet is lost.
    public func disconnect(_ endpoint: Endpoint) { zmq_disconnect(handle.raw, endpoint.text) }

    /// Never blocks.
    /// - Throws: ``WireError/unsendable(_:)`` for a message over the limits; nothing was sent.
    public func send(_ message: Message, to peer: Peer) throws(WireError) -> SendOutcome {
        try handle.send(message, to: peer)
    }

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
