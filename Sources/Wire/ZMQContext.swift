import CZeroMQ

/// libzmq's I/O thread and the sockets on it; one for a process is enough. Sockets keep it alive, and it ends after the last of them.
public final class ZMQContext: @unchecked Sendable {
    // libzmq's context may be used from every thread, unlike its sockets.
    let raw: UnsafeMutableRawPointer

    /// - Throws: ``WireError`` if libzmq is older than 4.3.2, whose peers could crash it, or has no memory or descriptors left.
    public init() throws(WireError) {
        let (major, minor, patch) = ZMQContext.version
        guard (major, minor, patch) >= (4, 3, 2) else {
            throw .system(
                operation: "libzmq 4.3.2 or newer is needed, found \(major).\(minor).\(patch):", subject: "",
                code: ENOTSUP)
        }
        guard let raw = zmq_ctx_new() else { throw .last("zmq_ctx_new") }
        self.raw = raw
    }

    /// Of the libzmq that is loaded.
    static var version: (major: Int32, minor: Int32, patch: Int32) {
        var (major, minor, patch) = (Int32(0), Int32(0), Int32(0))
        zmq_version(&major, &minor, &patch)
        return (major, minor, patch)
    }

    deinit { zmq_ctx_term(raw) }
}
