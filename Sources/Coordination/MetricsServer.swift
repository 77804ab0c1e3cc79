import Foundation
import Pipelines
import Wire

/// One page over HTTP on the loopback, for Prometheus: `GET /metrics`. It answers one client after another, each within two
/// seconds, and keeps nothing of them.
public final class MetricsServer: Sendable {
    public let port: UInt16
    private let socket: Int32
    private let thread: DedicatedThread

    /// - Parameter port: 0 for any that is free.
    /// - Throws: `CoordinationError.output` if the port cannot be had.
    public init(port: UInt16, desk: RunDesk) throws {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, size) == 0 && listen(socket, 16) == 0 && getsockname(socket, $0, &size) == 0
            }
        }
        guard socket >= 0, isBound else {
            let reason = systemError()
            if socket >= 0 { Glibc.close(socket) }
            throw CoordinationError.output(path: "127.0.0.1:\(port)", reason: reason)
        }
        self.socket = socket
        self.port = UInt16(bigEndian: address.sin_port)
        thread = try DedicatedThread(name: "metrics", stackBytes: 1 << 20) {
            while true {
                let client = accept(socket, nil, nil)
                if client < 0 {
                    if errno == EINTR || errno == ECONNABORTED || errno == EMFILE { continue }
                    return
                }
                Self.answer(client, desk)
                Glibc.close(client)
            }
        }
    }

    /// Ends its thread; the port is free afterwards.
    public func close() {
        shutdown(socket, Int32(SHUT_RDWR))
        thread.join()
        Glibc.close(socket)
    }

    private static func answer(_ client: Int32, _ desk: RunDesk) {
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(client, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        let deadline = SuspendingClock.now.advanced(by: .seconds(2))
        var (request, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1024))
        // The head ends with an empty line; a body is none of ours.
        while request.count < 8192, !request.suffix(1027).contains([13, 10, 13, 10]), .now < deadline {
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            request += buffer.prefix(count)
        }
        let words = String(decoding: request.prefix(1024), as: UTF8.self).split(separator: " ")
        let isOurs = words.count > 2 && words[0] == "GET" && words[1] == "/metrics"
        let body = isOurs ? desk.latest?.metrics ?? "" : "expected GET /metrics\n"
        let head =
            "HTTP/1.1 \(isOurs ? "200 OK" : "404 Not Found")\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
        let bytes = Array((head + body).utf8)
        var sent = 0
        while sent < bytes.count, .now < deadline {
            let count = bytes.withUnsafeBytes { send(client, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            sent += count
        }
    }
}
