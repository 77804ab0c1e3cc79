import Glibc
import Testing
import Wire

@testable import ExpertKit

/// The rehearsal worker as a process: how it ends, in every way that matters. Skipped if it was not built beside the tests.
@Suite(.serialized, .enabled(if: ChildProcess.rehearsal != nil, "lorgnette-rehearsal is not built")) struct ProcessTests {
    let program = ChildProcess.rehearsal ?? ""
    let coordinator: MiniCoordinator

    init() throws { coordinator = try MiniCoordinator(try ZMQContext()) }

    private func start() throws -> ChildProcess {
        try ChildProcess([program], environment: ["LORGNETTE_CONNECT": coordinator.endpoint.text, "LORGNETTE_WORKER": "r1"])
    }

    @Test func servesAndDrains() throws {
        let child = try start()
        guard case .hello(let hello) = try coordinator.next().body else { throw MiniCoordinator.Silence() }
        #expect(hello.service == "rehearsal" && hello.worker == "r1" && hello.pid == UInt32(child.pid))
        try coordinator.welcome(["credit": .number(64), "lines": .list([.string("OPEN")])])
        guard case .ready(let ready) = try coordinator.next().body else { throw MiniCoordinator.Silence() }
        #expect(ready.credit == 64)
        try coordinator.task(1, item: "a.png", question: "Why?")
        guard case .result(let result) = try coordinator.next().body else { throw MiniCoordinator.Silence() }
        #expect(result.outcome.text == "a.png | Why?" && result.outcome.lines.first?.box == [0, 0, 100, 10])
        try coordinator.send(.drain(.init()))
        #expect(try coordinator.word() == "goodbye")
        #expect(child.wait() == .exit(ExitCode.drained.rawValue))
    }

    @Test func sigtermDrainsAndASecondOneEnds() throws {
        let polite = try start()
        try coordinator.greet(["delay_ms": .number(100)])
        try coordinator.task(1)
        // Only a worker that has the task when the signal comes must answer it.
        var words = try coordinator.settle()
        polite.signal(SIGTERM)
        while words.last != "goodbye" { words.append(try coordinator.word()) }
        #expect(words == ["result 1", "goodbye"])
        #expect(polite.wait() == .exit(0))

        let stubborn = try start()
        try coordinator.greet(["hang_on": .string("a.png")])
        try coordinator.task(1)
        #expect(try coordinator.settle() == [])
        stubborn.signal(SIGTERM)
        try coordinator.untilDraining(from: 2)
        stubborn.signal(SIGTERM)
        #expect(stubborn.wait() == .exit(128 + SIGTERM))
    }

    @Test func aHungExpertBeats() throws {
        let child = try start()
        try coordinator.greet(["hang_on": .string("a.png")])
        try coordinator.task(1)
        #expect(try coordinator.settle() == [])
        try coordinator.heartbeat()
        try coordinator.heartbeat()
        child.signal(SIGKILL)
        #expect(child.wait() == .signal(SIGKILL))
    }

    @Test func aCrashIsASignalAndTheNextAttemptLives() throws {
        let child = try start()
        try coordinator.greet(["crash_once": .string("a.png")])
        try coordinator.task(1)
        #expect(child.wait() == .signal(SIGABRT))
        let next = try start()
        try coordinator.greet(["crash_once": .string("a.png")])
        try coordinator.send(
            .task(
                .with {
                    $0.id = 1
                    $0.attempt = 2
                    $0.item = "a.png"
                }))
        #expect(try coordinator.word() == "result 1")
        try coordinator.send(.goodbye(.init()))
        #expect(next.wait() == .exit(0))
    }

    @Test func failuresAreTyped() throws {
        let child = try start()
        try coordinator.greet(["fail_on": .string("bad"), "fail_retryable": .bool(true), "nan_on": .string("nan")])
        try coordinator.task(1, item: "bad.png")
        guard case .failure(let failure) = try coordinator.next().body else { throw MiniCoordinator.Silence() }
        #expect(failure.code == .internal && failure.retryable)
        try coordinator.task(2, item: "nan.png")
        #expect(try coordinator.word() == "failure 2 internal")
        try coordinator.send(.drain(.init()))
        #expect(try coordinator.word() == "goodbye")
        #expect(child.wait() == .exit(0))

        let unloadable = try start()
        #expect(try coordinator.word() == "hello")
        try coordinator.welcome(["fail_load": .string("missing_model")])
        #expect(try coordinator.word() == "failure 0 missingModel")
        #expect(unloadable.wait() == .exit(ExitCode.missingModel.rawValue))
    }

    @Test func noiseFromAWorkerChangesNothing() throws {
        let output = "\(coordinator.folder.path)/stdout"
        let child = try ChildProcess([program], environment: ["LORGNETTE_CONNECT": coordinator.endpoint.text], output: output)
        try coordinator.greet(["garbage_on": .string("a.png")])
        let (peer, epoch) = (coordinator.peer, coordinator.epoch)
        try coordinator.task(1)
        // Strangers' results come from other peers and epochs; the true one is among them.
        while true {
            guard case .result(let result) = try coordinator.next().body else { throw MiniCoordinator.Silence() }
            if coordinator.peer == peer, coordinator.epoch == epoch, result.outcome.text == "a.png" { break }
        }
        try coordinator.send(.goodbye(.init()))
        #expect(child.wait() == .exit(0))
        // What a library prints does not reach the worker's stdout.
        var facts = stat()
        #expect(stat(output, &facts) == 0 && facts.st_size == 0)
    }

    @Test func aWorkerDiesWithItsCoordinator() throws {
        // The shell stands in for the coordinator: it has started the worker and is killed.
        let shell = try ChildProcess(
            ["/bin/sh", "-c", "LORGNETTE_PARENT=$$ \"$0\" & wait", program],
            environment: ["LORGNETTE_CONNECT": coordinator.endpoint.text])
        guard case .hello(let hello) = try coordinator.next().body else { throw MiniCoordinator.Silence() }
        try coordinator.welcome(["freeze_on": .string("a.png")])
        #expect(try coordinator.word() == "ready")
        // Even a stopped worker dies, although it can notice nothing.
        try coordinator.task(1)
        let worker = pid_t(hello.pid)
        try coordinator.until { state(of: worker) == "T" }
        shell.signal(SIGKILL)
        #expect(shell.wait() == .signal(SIGKILL))
        try coordinator.until { ["Z", nil].contains(state(of: worker)) }
    }

    @Test func aCoordinatorThatIsGoneAlreadyIsNotServed() throws {
        // A number that no process has: the highest the kernel gives is 2²².
        let child = try ChildProcess(
            [program], environment: ["LORGNETTE_CONNECT": coordinator.endpoint.text, "LORGNETTE_PARENT": "2147483000"])
        #expect(child.wait() == .exit(ExitCode.coordinatorLost.rawValue))
    }

    @Test func theCommandLineIsChecked() throws {
        #expect(try ChildProcess([program]).wait() == .exit(0))
        #expect(try ChildProcess([program, "--help"]).wait() == .exit(0))
        #expect(try ChildProcess([program, "--connect", "tcp://10.0.0.1:1"]).wait() == .exit(64))
        #expect(try ChildProcess([program, "--conect", "x"]).wait() == .exit(64))
        #expect(try ChildProcess([program], environment: ["LORGNETTE_CONNECT": "nonsense"]).wait() == .exit(64))
    }

    /// The letter of /proc/PID/stat: "R", "S", "T" (stopped), "Z"; nil if there is no such process.
    private func state(of pid: pid_t) -> Character? {
        let file = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = read(file, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        return text.lastIndex(of: ")").flatMap { text[text.index($0, offsetBy: 2)...].first }
    }
}
