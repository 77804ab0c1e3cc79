/// A place to bind or connect to: `ipc:///absolute/path` or `tcp://host:port`, over IPv4.
///
/// A socket takes one off the loopback only with CURVE keys, since nothing else would prove who is at the other end.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of a Unix socket's path: `sun_path` without its closing zero.
    public static let maxPathBytes = 107

    /// As libzmq takes it.
    public let text: String
    public var description: String { text }

    /// The socket file of an ipc endpoint.
    public var path: String? { text.hasPrefix("ipc://") ? String(text.dropFirst(6)) : nil }

    /// True if no other machine can reach it.
    public let isLoopback: Bool

    /// - Throws: ``WireError/endpoint(text:reason:)`` for another transport, a relative or overlong path, or a bad host or port.
    public init(_ text: String) throws(WireError) {
        func refuse(_ reason: String) -> WireError { .endpoint(text: text, reason: reason) }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { throw refuse("control characters") }
        if text.hasPrefix("ipc://") {
            let path = text.dropFirst(6)
            guard path.hasPrefix("/") else { throw refuse("expected an absolute path after ipc://") }
            guard path.utf8.count <= Endpoint.maxPathBytes else {
                throw refuse(
                    "the path has \(path.utf8.count) bytes, a Unix socket takes at most \(Endpoint.maxPathBytes)")
            }
            self.text = text
        } else if text.hasPrefix("tcp://") {
            let address = text.dropFirst(6)
            guard let colon = address.lastIndex(of: ":") else { throw refuse("expected tcp://host:port") }
            let host = address[..<colon] == "localhost" ? "127.0.0.1" : String(address[..<colon])
            let port = address[address.index(after: colon)...]
            guard port == "*" || Endpoint.isPort(port) else {
                throw refuse("expected a port from 1 to 65535, found \"\(port)\"")
            }
            guard Endpoint.isHost(host) else {
                throw refuse("expected a host's name or IPv4 address, found \"\(host)\"")
            }
            self.text = "tcp://\(host):\(port)"
            isLoopback = Endpoint.isLoopback(host)
            return
        } else {
            throw refuse("expected ipc:///path or tcp://host:port")
        }
        isLoopback = true
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard text.utf8.count <= 5, text.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(text) else {
            return false
        }
        return (1...65535).contains(port)
    }

    /// A name, an address, or `*` for every address of this machine.
    private static func isHost(_ text: String) -> Bool {
        text == "*"
            || (1...253).contains(text.utf8.count)
                && text.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) || byte == 0x2d || byte == 0x2e
                }
    }

    private static func isLoopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (48...57).contains($0) }
                    && (Int(part) ?? 256) < 256
            }
    }
}
