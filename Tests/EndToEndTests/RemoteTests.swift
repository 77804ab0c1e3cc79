import Foundation
import Glibc
import Testing

/// A worker that listens with a key, as on another machine; here over the loopback.
@Suite struct RemoteTests {
    let bench: Workbench
    let home: [String: String]

    init() throws {
        bench = try Workbench()
        home = ["LORGNETTE_HOME": "\(bench.path)/data"]
    }

    /// A port that was free a moment ago.
    private func port() throws -> Int {
        let line = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(line) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try #require(Glibc.bind(line, $0, size) == 0)
                try #require(getsockname(line, $0, &size) == 0)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private func worker(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(Workbench.programs)/lorgnette-rehearsal")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(home) { $1 }
        let log = "\(bench.path)/worker.log"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        return process
    }

    @Test func aRunWithAWorkerThatHasAKey() throws {
        for index in 0..<40 { try bench.picture("\(index).pgm", seed: index) }
        for name in ["coordinator", "gpu-box"] {
            let made = try bench.run(["keys", "new", name], environment: home)
            #expect(made.status == 0, "\(made.errors)")
            #expect(made.output.contains("\(name).key_secret"))
        }
        let port = try port()
        let process = try worker(["--bind", "tcp://127.0.0.1:\(port)", "--key", "gpu-box", "--allow", "coordinator"])
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        let pipeline = try bench.pipeline(
            "pipeline: t\nstages:\n  one: {at: \"tcp://127.0.0.1:\(port)\", key: gpu-box, read: true}\nanswer: one\n")

        // Strangers who connect, say nothing or nonsense, and stay.
        var strangers: [Int32] = []
        defer { for stranger in strangers { close(stranger) } }
        let deadline = SuspendingClock.now + .seconds(20)
        while strangers.count < 100, .now < deadline {
            let line = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(line, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard result == 0 else {
                close(line)
                continue
            }
            if strangers.count % 2 == 0 { send(line, "GET / HTTP/1.1\r\n\r\n", 18, Int32(MSG_NOSIGNAL)) }
            strangers.append(line)
        }
        #expect(strangers.count == 100)

        let ended = try bench.run(["run", pipeline, bench.inputs, "--out", bench.out], environment: home)
        #expect(ended.status == 0, "\(ended.errors)")
        let results = try bench.results()
        #expect(results.count == 40)
        #expect(results.values.allSatisfy { ($0.stage("one")?["facts"] as? [String: String])?["bytes"] == "27" })
        // It was told that no more will come.
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    }

    @Test func aWorkerListensToOtherMachinesWithKeysOnly() throws {
        let plain = try worker(["--bind", "tcp://*:\(try port())"])
        plain.waitUntilExit()
        #expect(plain.terminationStatus == 64)
        #expect(try String(contentsOfFile: "\(bench.path)/worker.log", encoding: .utf8).contains("CURVE"))

        for name in ["a", "b"] { #expect(try bench.run(["keys", "new", name], environment: home).status == 0) }
        #expect(try bench.run(["keys", "new", "a"], environment: home).status == 2)
        let secret = "\(bench.path)/data/keys/a.key_secret"
        chmod(secret, 0o644)
        let loose = try worker(["--bind", "tcp://127.0.0.1:\(try port())", "--key", "a", "--allow", "b"])
        loose.waitUntilExit()
        #expect(loose.terminationStatus == 78)
        let log = try String(contentsOfFile: "\(bench.path)/worker.log", encoding: .utf8)
        let words = try String(contentsOfFile: secret, encoding: .utf8).split(separator: " ")
        #expect(log.contains("chmod 600") && !log.contains(words[1].dropLast()), "\(log)")
        let alone = try worker(["--bind", "tcp://127.0.0.1:\(try port())", "--key", "a"])
        alone.waitUntilExit()
        #expect(alone.terminationStatus == 64)
    }

    @Test func aStageOnAnotherMachineNeedsItsKey() throws {
        try bench.picture("a.pgm", seed: 1)
        let plain = try bench.lorgnette(
            try bench.pipeline("pipeline: t\nstages:\n  one: {at: \"tcp://10.0.0.1:5555\"}\n"))
        #expect(plain.status == 2)
        #expect(plain.errors.contains("pipeline.yaml:3:9: stages.one.at: expected key: NAME"), "\(plain.errors)")
        let pipeline = try bench.pipeline("pipeline: t\nstages:\n  one: {at: \"tcp://10.0.0.1:5555\", key: box}\n")
        let keyless = try bench.run(["run", pipeline, bench.inputs, "--out", bench.out], environment: home)
        #expect(keyless.status == 2)
        #expect(keyless.errors.contains("coordinator.key_secret"), "\(keyless.errors)")
    }

    @Test func doctorKnowsAboutCURVE() throws {
        #expect(try bench.run(["doctor"]).output.contains(" CURVE "))
    }
}
