import CZeroMQ
import Glibc

/// What can go wrong between a socket's owner and the socket. What a peer does wrong is not here: that is ``Malformed``.
public enum WireError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text is no endpoint that Lorgnette uses.
    case endpoint(text: String, reason: String)
    /// tcp off the loopback without keys.
    case insecure(endpoint: String)
    /// A key's file, or what should be the name of one.
    case key(String, reason: String)
    /// Another process listens there already.
    case occupied(endpoint: String)
    /// libzmq or the system refused an operation; `code` is an errno.
    case system(operation: String, subject: String, code: Int32)
    /// A message of our own that no reader would take.
    case unsendable(String)
    /// The private directory could not be made.
    case directory(path: String, reason: String)

    public var description: String {
        switch self {
        case .endpoint(let text, let reason): "endpoint \"\(text)\": \(reason)"
        case .insecure(let endpoint):
            "endpoint \(endpoint): other machines can reach it, so it takes CURVE keys on both sides; without them use ipc or 127.0.0.1"
        case .key(let name, let reason): "key \(name): \(reason)"
        case .occupied(let endpoint): "endpoint \(endpoint): another process listens there"
        case .system(let operation, let subject, let code):
            "\(operation)\(subject.isEmpty ? "" : " " + subject): \(String(cString: zmq_strerror(code)))"
        case .unsendable(let reason): "message not sent: \(reason)"
        case .directory(let path, let reason): "private directory \(path): \(reason)"
        }
    }

    static func last(_ operation: String, _ subject: String = "") -> WireError {
        .system(operation: operation, subject: subject, code: zmq_errno())
    }
}
