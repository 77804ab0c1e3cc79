import CZeroMQ
import Glibc

/// A libzmq socket with our options, and whole messages in and out. Not Sendable: one thread makes, uses and closes it.
public final class SocketHandle {
    private(set) var raw: UnsafeMutableRawPointer?
    private let context: ZMQContext
    let limits: WireLimits

    init(_ context: ZMQContext, type: Int32, limits: WireLimits) throws(WireError) {
        guard let raw = zmq_socket(context.raw, type) else { throw .last("zmq_socket") }
        self.raw = raw
        self.context = context
        self.limits = limits
        do {
            // The default takes frames of any size: one hostile length prefix would take all memory. Over it, libzmq ends the link.
            try set(ZMQ_MAXMSGSIZE, Int64(limits.maxMessageBytes), "MAXMSGSIZE")
            // Counts messages for each peer. 0 would be unlimited.
            try set(ZMQ_SNDHWM, limits.highWaterMark, "SNDHWM")
            try set(ZMQ_RCVHWM, limits.highWaterMark, "RCVHWM")
            // The default waits for ever at exit for a peer that is gone. close(linger:) says how long if it matters.
            try set(ZMQ_LINGER, Int32(0), "LINGER")
            // The default queues to an address that nobody answers at; a message would wait there past every deadline.
            try set(ZMQ_IMMEDIATE, Int32(1), "IMMEDIATE")
            // Our own Heartbeat tells what the process does; libzmq's would only tell that its I/O thread runs.
            try set(ZMQ_HEARTBEAT_IVL, Int32(0), "HEARTBEAT_IVL")
            try set(ZMQ_IPV6, Int32(0), "IPV6")
            // A stranger that connects and says nothing is dropped after this; the default is 30 s.
            try set(ZMQ_HANDSHAKE_IVL, Int32(5000), "HANDSHAKE_IVL")
            // Milliseconds between attempts: quick at first, for a coordinator that is just starting; never a storm.
            try set(ZMQ_RECONNECT_IVL, Int32(50), "RECONNECT_IVL")
            try set(ZMQ_RECONNECT_IVL_MAX, Int32(2000), "RECONNECT_IVL_MAX")
        } catch {
            zmq_close(raw)
            self.raw = nil
            throw error
        }
    }

    deinit { close(linger: .zero) }

    func set<Value>(_ option: Int32, _ value: Value, _ name: String) throws(WireError) {
        let result = withUnsafeBytes(of: value) { zmq_setsockopt(raw, option, $0.baseAddress, $0.count) }
        if result != 0 { throw .last("set socket option", name) }
    }

    func bind(_ endpoint: Endpoint, _ curve: Curve? = nil) throws(WireError) -> Endpoint {
        guard endpoint.isLoopback || curve != nil else { throw .insecure(endpoint: endpoint.text) }
        try secure(curve)
        // libzmq unlinks whatever lies at the path before it binds: a second coordinator would silently steal the first one's workers.
        if let path = endpoint.path, UnixSocket.isOccupied(path) { throw .occupied(endpoint: endpoint.text) }
        guard zmq_bind(raw, endpoint.text) == 0 else {
            throw zmq_errno() == EADDRINUSE ? .occupied(endpoint: endpoint.text) : .last("bind", endpoint.text)
        }
        var size = 256
        let bound = withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { text in
            zmq_getsockopt(raw, ZMQ_LAST_ENDPOINT, text.baseAddress, &size) == 0
                ? String(cString: text.baseAddress!) : endpoint.text
        }
        return try Endpoint(bound)
    }

    func connect(_ endpoint: Endpoint, _ curve: Curve? = nil) throws(WireError) {
        guard endpoint.isLoopback || curve != nil else { throw .insecure(endpoint: endpoint.text) }
        try secure(curve)
        if zmq_connect(raw, endpoint.text) != 0 { throw .last("connect", endpoint.text) }
    }

    /// `linger`: how long libzmq may go on writing what was sent; it does so in the background, and ``ZMQContext`` waits for it.
    func close(linger: Duration) {
        guard let raw else { return }
        var milliseconds = Int32(
            clamping: linger.components.seconds * 1000 + linger.components.attoseconds / 1_000_000_000_000_000)
        zmq_setsockopt(raw, ZMQ_LINGER, &milliseconds, MemoryLayout<Int32>.size)
        zmq_close(raw)
        self.raw = nil
    }

    // MARK: Whole messages

    func send(_ message: Message, to peer: Peer?) throws(WireError) -> SendOutcome {
        try send(envelope: message.encodedEnvelope(limits), payloads: message.payloads, to: peer)
    }

    func send(envelope: [UInt8], payloads: [Payload], to peer: Peer?) throws(WireError) -> SendOutcome {
        var begun = false
        var broken = false
        func put(_ frame: inout zmq_msg_t, more: Bool) throws(WireError) -> SendOutcome? {
            if zmq_msg_send(&frame, raw, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0 {
                begun = true
                return nil
            }
            let code = zmq_errno()
            zmq_msg_close(&frame)
            switch code {
            case EAGAIN where !begun: return .full
            case EHOSTUNREACH where !begun: return .unreachable
            // The link died inside the message. libzmq drops frames up to the last one, so the rest must still be given to it.
            case EAGAIN, EHOSTUNREACH:
                broken = true
                return nil
            default: throw .system(operation: "send", subject: "", code: code)
            }
        }
        var frame = zmq_msg_t()
        if let peer {
            try Payload.copy(peer.id, to: &frame)
            if let outcome = try put(&frame, more: true) { return outcome }
        }
        try Payload.copy(envelope, to: &frame)
        if let outcome = try put(&frame, more: !payloads.isEmpty) { return outcome }
        for (index, payload) in payloads.enumerated() {
            try payload.makeFrame(&frame)
            if let outcome = try put(&frame, more: index + 1 < payloads.count) { return outcome }
        }
        return broken ? .unreachable : .sent
    }

    /// The next message, or nil if none is complete. With `addressed`, its first frame is the peer's routing id.
    func receive(addressed: Bool) throws(WireError) -> (peer: Peer, content: Result<Message, Malformed>)? {
        var frame = zmq_msg_t()
        zmq_msg_init(&frame)
        defer { zmq_msg_close(&frame) }
        guard try take(&frame) else { return nil }

        var peer = Peer(id: [])
        if addressed {
            peer = Peer(id: [UInt8](UnsafeRawBufferPointer(start: zmq_msg_data(&frame), count: zmq_msg_size(&frame))))
            guard zmq_msg_more(&frame) != 0, try take(&frame) else { return (peer, .failure(.noEnvelope)) }
        }
        let envelopeBytes = zmq_msg_size(&frame)
        var more = zmq_msg_more(&frame) != 0
        var content: Result<Lorgnette_V1_Envelope, Malformed>
        do throws(Malformed) {
            content = .success(
                try Message.decodeEnvelope(
                    UnsafeRawBufferPointer(start: zmq_msg_data(&frame), count: envelopeBytes), limits))
        } catch {
            content = .failure(error)
        }

        var payloads: [Payload] = []
        var found = 0
        var payloadBytes = 0
        while more {
            let next = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
            zmq_msg_init(next)
            let payload: Payload
            do throws(WireError) {
                guard try take(next) else { throw .system(operation: "receive a payload", subject: "", code: EAGAIN) }
                more = zmq_msg_more(next) != 0
                payload = Payload(adopting: next)
            } catch {
                zmq_msg_close(next)
                next.deallocate()
                throw error
            }
            found += 1
            payloadBytes += payload.count
            if let fault = limits.fault(envelopeBytes: envelopeBytes, payloads: found, payloadBytes: payloadBytes) {
                // The rest of the message still has to be read, and is let go frame by frame.
                if case .success = content { content = .failure(fault) }
                payloads = []
            } else {
                payloads.append(payload)
            }
        }
        return (peer, content.map { Message($0, payloads: payloads) })
    }

    func take(_ frame: UnsafeMutablePointer<zmq_msg_t>) throws(WireError) -> Bool {
        while zmq_msg_recv(frame, raw, ZMQ_DONTWAIT) < 0 {
            switch zmq_errno() {
            case EAGAIN: return false
            case EINTR: continue
            default: throw .last("receive")
            }
        }
        return true
    }
}

/// What became of a message that was given to a socket. Nothing here means that the peer has read it.
public enum SendOutcome: Hashable, Sendable {
    /// Queued for the peer.
    case sent
    /// No such peer: it left, or it is another process now.
    case unreachable
    /// The peer's queue is full, or (DEALER) nobody is connected. Nothing was queued: try again when writable.
    case full
}
