import Foundation
import FoundationNetworking
import Glibc
import Testing

@testable import Coordination

@Suite struct MetricsServerTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private let snapshot = RunSnapshot(
        schema: "lorgnette.status/1", pipeline: "p", state: .running, pid: 7, elapsed: 2.5, inputs: ["ok": 3, "failed": 1],
        kept: 1,
        open: 2, dropped: 4, stages: [.init(name: "text", waiting: 5, answered: 6)],
        workers: [
            .init(
                name: "text.0", stage: "te\"x\\t", pid: 9, phase: "ready", silent: 0.25,
                tasks: [.init(item: "a.png", stage: "text", attempt: 1, lease: 9)])
        ])

    private func desk() throws -> RunDesk {
        RunDesk(status: "\(folder.path)/status.json", events: "\(folder.path)/run.jsonl")
    }

    @Test func thePageSaysWhatTheDeskKnows() throws {
        let desk = try desk()
        let server = try MetricsServer(port: 0, desk: desk)
        defer { server.close() }
        let page = try #require(URL(string: "http://127.0.0.1:\(server.port)/metrics"))
        #expect(try String(contentsOf: page, encoding: .utf8) == "")
        desk.end(snapshot)
        let text = try String(contentsOf: page, encoding: .utf8)
        let lines = Set(text.split(separator: "\n"))
        for line in [
            "# TYPE lorgnette_inputs_total counter", "lorgnette_inputs_total{status=\"ok\"} 3", "lorgnette_run_seconds 2.5",
            "lorgnette_stage_waiting{stage=\"text\"} 5", "lorgnette_worker_tasks{worker=\"text.0\",stage=\"te\\\"x\\\\t\"} 1",
        ] {
            #expect(lines.contains(Substring(line)), "\(text)")
        }
        let written = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/status.json"))
        let read = try JSONDecoder().decode(RunSnapshot.self, from: written)
        #expect(read.workers.first?.tasks.first?.item == "a.png" && read.rate == 3 / 2.5)
    }

    @Test func whoAsksForSomethingElseOrSaysNothingHoldsNobodyUp() throws {
        let desk = try desk()
        desk.end(snapshot)
        let server = try MetricsServer(port: 0, desk: desk)
        defer { server.close() }
        #expect(throws: CoordinationError.self) { try MetricsServer(port: server.port, desk: desk) }
        let mute = try connected(server.port)
        close(mute)
        #expect(try said(server.port, "POST /metrics HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 404"))
        #expect(try said(server.port, "GET /../etc/passwd HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 404"))
        #expect(try said(server.port, String(repeating: "x", count: 9000)).hasPrefix("HTTP/1.1 404"))
        #expect(try said(server.port, "GET /metrics HTTP/1.0\r\n\r\n").contains("lorgnette_inputs_kept 1\n"))
    }

    @Test func theLogIsLinesOfJSON() throws {
        let desk = try desk()
        var event = RunDesk.Event(event: "task_failed")
        (event.worker, event.item, event.attempt, event.message) = ("text.0", "a\nb.png", 2, "\u{1b}[31m")
        desk.tell(event)
        desk.tell(RunDesk.Event(event: "worker_lost"))
        let lines = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/run.jsonl")).split(separator: 10)
        let objects = try lines.map { try #require(try JSONSerialization.jsonObject(with: $0) as? [String: Any]) }
        #expect(objects.map { $0["event"] as? String } == ["task_failed", "worker_lost"])
        #expect(objects[0]["item"] as? String == "a\nb.png" && objects[0]["attempt"] as? Int == 2)
        #expect(!lines[0].contains(0x1b) && objects.allSatisfy { $0["time"] is String && $0["run"] as? Int == Int(getpid()) })
    }

    private func connected(_ port: UInt16) throws -> Int32 {
        let line = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(line, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(isConnected)
        return line
    }

    private func said(_ port: UInt16, _ request: String) throws -> String {
        let line = try connected(port)
        defer { close(line) }
        let bytes = Array(request.utf8)
        #expect(send(line, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
        var (answer, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
        while true {
            let count = recv(line, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: answer, as: UTF8.self) }
            answer += buffer.prefix(count)
        }
    }
}
