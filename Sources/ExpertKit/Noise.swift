import Glibc
import Wire

/// What a broken or hostile neighbour does to a coordinator: none of it may be believed, or hurt.
package enum Noise {
    package static func make() {
        print("\u{1b}[2J{\"schema\":\"lorgnette.result/1\"}\u{0}")
        guard let text = getenv("LORGNETTE_CONNECT"), let endpoint = try? Endpoint(String(cString: text)) else {
            return
        }
        try? speak(to: endpoint)
        if let path = endpoint.path { shout(at: path) }
    }

    /// Well-formed messages that nobody asked for, from a peer that never said Hello.
    private static func speak(to endpoint: Endpoint) throws(WireError) {
        let socket = try DealerSocket(try ZMQContext())
        let waker = try Waker()
        try socket.connect(endpoint)
        var result = Lorgnette_V1_Result()
        result.attempt = 1
        result.outcome.text = "noise"
        result.outcome.tensors = [.with { $0.frame = .max }]
        for id in 1...UInt64(64) {
            result.task = id
            let message = Message(epoch: id, .result(result), payloads: [Payload([UInt8](repeating: 0xff, count: 64))])
            _ = try Poller.wait(socket, waker: waker, timeout: .seconds(1), writable: true)
            _ = try socket.send(message)
        }
        socket.close(linger: .seconds(1))
    }

    /// Bytes that are no ZeroMQ at all.
    private static func shout(at path: String) {
        let line = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(line) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(line, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        let noise = [UInt8](repeating: 0x7f, count: 4096)
        if connected == 0 { _ = send(line, noise, noise.count, Int32(MSG_NOSIGNAL)) }
    }
}
