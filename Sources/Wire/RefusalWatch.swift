import CZeroMQ

/// Tells where a socket's handshakes are refused for its key. libzmq does not try again there, and says so nowhere else.
/// It belongs to the socket's thread.
public final class RefusalWatch {
    private let socket: SocketHandle

    /// - Throws: ``WireError`` if libzmq has no memory or descriptors left.
    public init(_ router: RouterSocket, _ context: ZMQContext) throws(WireError) {
        let place = "inproc://refusals-\(UInt64.random(in: 0...(.max)))"
        guard zmq_socket_monitor(router.handle.raw, place, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) == 0 else {
            throw .last("watch handshakes")
        }
        socket = try SocketHandle(context, type: ZMQ_PAIR, limits: WireLimits())
        try socket.connect(inProcess: place)
    }

    /// The endpoints that have refused since the last call, as libzmq writes them. Never blocks.
    public func refusals() throws(WireError) -> [String] {
        var endpoints: [String] = []
        // An event is two frames: its kind, then the endpoint.
        while let frames = try socket.receiveFrames() {
            if frames.count == 2 { endpoints.append(String(decoding: frames[1], as: UTF8.self)) }
        }
        return endpoints
    }
}
