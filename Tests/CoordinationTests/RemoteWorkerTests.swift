import Foundation
import Glibc
import Pipelines
import Testing
import Wire

@testable import Coordination

/// Workers at an address: what the coordinator believes of whom, over a real wire.
@Suite(.serialized) struct RemoteWorkerTests {
    let folder: TemporaryFolder
    let context: ZMQContext

    init() throws {
        folder = try TemporaryFolder()
        context = try ZMQContext()
    }

    @Test func anotherWorkersTaskIsNotOnesToAnswer() throws {
        for name in ["1111.pgm", "2222.pgm"] { _ = try folder.picture(name) }
        let (honest, thief) = (try FakeWorker(context), try FakeWorker(context, epoch: 8))
        let run = try RemoteRun(
            """
            pipeline: p
            stages:
              a: {at: "\(honest.endpoint)"}
              b: {at: "\(thief.endpoint)"}
            """, folder: folder)
        // Calling itself by another's name gives nobody another's place.
        try thief.send(.hello(thief.hello(calling: "a.0")))
        try honest.send(.hello(honest.hello()))
        for worker in [thief, honest] { try worker.getReady() }
        let (task, _) = try honest.task()
        let (own, _) = try thief.task()
        #expect(task.id != own.id)
        // The stolen id, under its own epoch and under the other's.
        try thief.answer(task, "stolen")
        try thief.answer(task, "stolen", epoch: honest.epoch)
        try thief.send(
            .failure(
                .with {
                    $0.task = task.id
                    $0.attempt = task.attempt
                    $0.code = .internal
                    $0.message = "stolen"
                }))
        try thief.answer(own, "own")
        // The next task shows that all of that was read.
        let (next, _) = try thief.task()
        try thief.answer(task, "stolen again")
        try thief.answer(next, "own")
        try honest.answer(task, "true")
        try honest.answer(try honest.task().task, "true")
        let status = try run.status()
        #expect(status[.ok] == 2 && status.total == 2)
        #expect(try run.texts("a") == ["1111.pgm": "true", "2222.pgm": "true"])
        #expect(try run.texts("b") == ["1111.pgm": "own", "2222.pgm": "own"])
    }

    @Test(.enabled(if: KeyPair.isAvailable, "this libzmq has no CURVE"))
    func picturesGoByBytesToAWorkerWithTheRightKey() throws {
        let bytes = try folder.picture("1111.pgm")
        let keys = KeyFolder("\(folder.path)/keys")
        let (own, coordinator) = (try keys.make("gpu-box"), try keys.make("coordinator"))
        let gatekeeper = try Gatekeeper(context, allowing: [coordinator.publicKey])
        let worker = try FakeWorker(context, keys: (own, gatekeeper))
        let run = try RemoteRun(
            "pipeline: p\nstages:\n  a: {at: \"\(worker.endpoint)\", key: gpu-box}\n", folder: folder)
        try worker.send(.hello(worker.hello()))
        try worker.getReady()
        let (task, payloads) = try worker.task()
        #expect(task.picture.path.isEmpty && task.picture.hasFrame && task.picture.frame == 0)
        #expect(payloads.map(\.bytes) == [bytes])
        #expect(task.picture.byteCount == UInt64(bytes.count) && task.picture.sha256.count == 32)
        try worker.answer(task, "seen")
        #expect(try run.status()[.ok] == 1)
        // The last word reaches it, although nobody waits for its end.
        guard case .drain = try worker.next().envelope.body else { throw FakeWorker.Silence(description: "no Drain") }
        #expect(gatekeeper.denials == 0)
    }

    /// Three may be open by number, but only two by their bytes.
    @Test func largePicturesWaitForRoom() throws {
        for number in 1...4 { _ = try folder.picture("000\(number).pgm") }
        let worker = try FakeWorker(context)
        let run = try RemoteRun("pipeline: p\nstages:\n  a: {at: \"\(worker.endpoint)\"}\n", folder: folder, bytes: 31)
        try worker.send(.hello(worker.hello()))
        try worker.getReady(credit: 3)
        var held = [try worker.task().task, try worker.task().task]
        // A heartbeat comes when nothing else was sent for a second.
        #expect(try worker.poll(.seconds(20), until: .heartbeat) == nil)
        #expect(worker.heartbeats == 1)
        for number in 3...4 {
            try worker.answer(held.removeFirst(), "seen")
            held.append(try worker.task().task)
            #expect(held.last?.item == "000\(number).pgm")
        }
        for task in held { try worker.answer(task, "seen") }
        #expect(try run.status()[.ok] == 4)
    }

    @Test func aPictureThatFitsNoMessageFailsAlone() throws {
        _ = try folder.picture("1111.pgm")
        let large = try folder.file("in/2222.pgm", Array("P5\n".utf8))
        #expect(truncate(large, off_t(OpenItem.mostSentBytes) + 1) == 0)
        let worker = try FakeWorker(context)
        let run = try RemoteRun("pipeline: p\nstages:\n  a: {at: \"\(worker.endpoint)\"}\n", folder: folder)
        try worker.send(.hello(worker.hello()))
        try worker.getReady(credit: 2)
        try worker.answer(try worker.task().task, "seen")
        let status = try run.status()
        #expect(status[.ok] == 1 && status[.failed] == 1)
        let lines = try String(contentsOfFile: "\(folder.path)/results.jsonl", encoding: .utf8)
        #expect(
            lines.contains("picture_too_large") && lines.contains("at most \(OpenItem.mostSentBytes) bytes"), "\(lines)"
        )
    }

    @Test func aWorkerThatStartsAnewGetsItsPlaceAndItsTaskBack() throws {
        _ = try folder.picture("1111.pgm")
        let first = try FakeWorker(context)
        let run = try RemoteRun("pipeline: p\nstages:\n  a: {at: \"\(first.endpoint)\"}\n", folder: folder)
        try first.send(.hello(first.hello()))
        try first.getReady()
        let before = try first.task().task
        first.close()
        var second: FakeWorker?
        let deadline = SuspendingClock.now + .seconds(20)
        while second == nil, .now < deadline { second = try? FakeWorker(ZMQContext(), at: first.endpoint, epoch: 9) }
        let worker = try #require(second)
        // A first Hello tells the coordinator that the former process is gone, a later one is welcomed. What was meant for
        // the former process may still come, under its epoch.
        var welcomed = false
        while !welcomed, .now < deadline {
            try worker.send(.hello(worker.hello()))
            guard let message = try worker.poll(.milliseconds(100)), message.envelope.epoch == worker.epoch else {
                continue
            }
            if case .welcome = message.envelope.body { welcomed = true }
        }
        try #require(welcomed)
        try worker.send(.ready(.with { $0.credit = 1 }))
        let again = try worker.task().task
        #expect(again.item == before.item && again.attempt == 2)
        try worker.answer(before, "late")
        try worker.answer(again, "true")
        #expect(try run.status()[.ok] == 1)
        #expect(try run.texts("a") == ["1111.pgm": "true"])
    }

    @Test func aWorkerThatNeverGetsReadyEndsTheRun() throws {
        let worker = try FakeWorker(context)
        let pipeline = try Pipeline.read("pipeline: p\nstages:\n  a: {at: \"\(worker.endpoint)\"}\n", file: "p.yaml")
        let crew = try Crew(
            pipeline: pipeline, locator: ExpertLocator(), logs: folder.path, patience: Crew.Patience(), keys: .home)
        defer { crew.dismiss(now: .zero) }
        try crew.start(now: .zero)
        let (waker, deadline) = (try Waker(), SuspendingClock.now + .seconds(20))
        var (lost, text, epoch) = (0, "", UInt64(1))
        while text.isEmpty, .now < deadline {
            // Each Hello is another process's, as of one that crashes while it loads.
            epoch += 1
            try worker.send(.hello(worker.hello()), epoch: epoch)
            do {
                for case .lost in try crew.receive(now: .zero) { lost += 1 }
                _ = try crew.tick(now: .seconds(10))
            } catch { text = error.description }
            _ = try Poller.wait(crew.socket, waker: waker, timeout: .milliseconds(5))
        }
        #expect(text.contains("stage a: its worker ended 5 times before it was ready"), "\(text)")
        #expect(lost == 4)
    }

    @Test func strangersByTheHundredDoNotKeepAWorkerFromItsWork() throws {
        let worker = try FakeWorker(context)
        let pipeline = try Pipeline.read("pipeline: p\nstages:\n  a: {at: \"\(worker.endpoint)\"}\n", file: "p.yaml")
        let crew = try Crew(
            pipeline: pipeline, locator: ExpertLocator(), logs: folder.path, patience: Crew.Patience(), keys: .home)
        defer { crew.dismiss(now: .zero) }
        let waker = try Waker()
        /// The crew's loop, with a clock that stands still: nobody is late.
        func wait(_ isThere: (Crew.Event) -> Bool) throws {
            let deadline = SuspendingClock.now + .seconds(20)
            while true {
                try #require(.now < deadline)
                for event in try crew.receive(now: .zero) where isThere(event) { return }
                _ = try Poller.wait(crew.socket, waker: waker, timeout: .milliseconds(20))
            }
        }
        try crew.start(now: .zero)
        try worker.send(.hello(worker.hello()))
        var bound: BoundPipeline?
        try wait { event in
            guard case .greeted(let descriptions) = event else { return false }
            bound = try? pipeline.bound(to: descriptions)
            return true
        }
        crew.welcome(try #require(bound), now: .zero)
        guard case .welcome = try worker.next().envelope.body else {
            throw FakeWorker.Silence(description: "no Welcome")
        }
        try worker.send(.ready(.with { $0.credit = 1 }))
        var id = 0
        try wait { event in
            guard case .ready(let worker, _, _, _) = event else { return false }
            id = worker
            return true
        }

        // At the socket that local workers use: some connect and say nothing, some never say Hello, some talk nonsense.
        let silent = try (0..<200).map { _ in try UnixStranger(crew.endpoint) }
        let strangers = try (0..<50).map { _ in
            let dealer = try DealerSocket(context)
            try dealer.connect(crew.endpoint)
            return dealer
        }
        var noise = 0
        for number in 1...100 as ClosedRange<UInt64> {
            for stranger in strangers.prefix(20) {
                let body: Lorgnette_V1_Envelope.OneOf_Body =
                    number % 2 == 0
                    ? .result(
                        .with {
                            $0.task = number
                            $0.attempt = 1
                            $0.outcome.text = "stolen"
                        })
                    : .hello(
                        .with {
                            $0.worker = "a.0"
                            $0.service = "fake"
                        })
                if try stranger.send(Message(epoch: worker.epoch, body)) == .sent { noise += 1 }
            }
            #expect(
                crew.send(
                    .task(
                        .with {
                            $0.id = number
                            $0.attempt = 1
                        }), to: id, now: .zero))
            try worker.answer(try worker.task().task, "true \(number)")
            try wait { event in
                guard case .message(id, .result(let result), _) = event else {
                    Issue.record("not from the worker: \(event)")
                    return false
                }
                return result.task == number && result.outcome.text == "true \(number)"
            }
        }
        #expect(silent.count == 200 && noise > 0)
        #expect(crew.dropped > 0)
        #expect(crew.peers.count == 1)
    }

    @Test func whatIsWrongWithAnAddressIsSaidBeforeAnythingStarts() throws {
        let keys = KeyFolder("\(folder.path)/keys")
        func message(_ stages: String) throws -> String {
            let pipeline = try Pipeline.read("pipeline: p\nstages:\n\(stages)\n", file: "p.yaml")
            let error = #expect(throws: CoordinationError.self) {
                try Crew(
                    pipeline: pipeline, locator: ExpertLocator(), logs: folder.path, patience: Crew.Patience(),
                    keys: keys)
            }
            return error?.description ?? ""
        }
        #expect(
            try message("  a: {at: \"tcp://10.0.0.1:5\", key: gpu-box}").contains(
                "coordinator.key_secret: there is no such file"))
        try keys.make("coordinator")
        #expect(
            try message("  a: {at: \"tcp://10.0.0.1:5\", key: gpu-box}").contains("gpu-box.key: there is no such file"))
        try keys.make("gpu-box")
        #expect(
            try message("  a: {at: \"tcp://[::1]:5\", key: gpu-box}").contains("expected a host's name or IPv4 address")
        )
        #expect(
            try message("  a: {at: \"tcp://127.0.0.1:5\"}\n  b: {at: \"tcp://127.0.0.1:5\", key: gpu-box}")
                .contains("tcp://127.0.0.1:5 serves stage a"))
        chmod(keys.secretFile("coordinator"), 0o644)
        #expect(try message("  a: {at: \"tcp://10.0.0.1:5\", key: gpu-box}").contains("chmod 600"))
    }

    @Test(.enabled(if: KeyPair.isAvailable, "this libzmq has no CURVE"))
    func aWorkerThatDoesNotAllowOurKeyIsNamedAtOnce() throws {
        let keys = KeyFolder("\(folder.path)/keys")
        let (own, coordinator) = (try keys.make("gpu-box"), try keys.make("coordinator"))
        let gatekeeper = try Gatekeeper(context, allowing: [own.publicKey])
        let worker = try FakeWorker(context, keys: (own, gatekeeper))
        let pipeline = try Pipeline.read(
            "pipeline: p\nstages:\n  a: {at: \"\(worker.endpoint)\", key: gpu-box}\n", file: "p.yaml")
        let crew = try Crew(
            pipeline: pipeline, locator: ExpertLocator(), logs: folder.path, patience: Crew.Patience(), keys: keys)
        defer { crew.dismiss(now: .zero) }
        try crew.start(now: .zero)
        let (waker, deadline) = (try Waker(), SuspendingClock.now + .seconds(20))
        var text = ""
        while text.isEmpty, .now < deadline {
            do { _ = try crew.tick(now: .zero) } catch { text = error.description }
            _ = try Poller.wait(crew.socket, waker: waker, timeout: .milliseconds(5))
        }
        #expect(
            text.contains("stage a: at: ") && text.contains("does not allow our key \(coordinator.publicKey)"),
            "\(text)")
        #expect(text.contains(worker.endpoint.text))
        #expect(gatekeeper.denials == 1)
    }

    @Test func aWorkerThatNeverComesIsNamedWithItsKey() throws {
        let keys = KeyFolder("\(folder.path)/keys")
        let (own, coordinator) = (try keys.make("gpu-box"), try keys.make("coordinator"))
        let pipeline = try Pipeline.read(
            "pipeline: p\nstages:\n  a: {at: \"tcp://127.0.0.1:1\", key: gpu-box}\n", file: "p.yaml")
        let crew = try Crew(
            pipeline: pipeline, locator: ExpertLocator(), logs: folder.path, patience: Crew.Patience(), keys: keys)
        defer { crew.dismiss(now: .zero) }
        try crew.start(now: .zero)
        #expect(try crew.tick(now: .seconds(59)).isEmpty)
        let error = #expect(throws: CoordinationError.self) { try crew.tick(now: .seconds(61)) }
        let text = error?.description ?? ""
        #expect(
            text.contains("tcp://127.0.0.1:1") && text.contains("\(own.publicKey)")
                && text.contains("\(coordinator.publicKey)"), "\(text)")
    }
}

/// Somebody who connects to an ipc endpoint and says nothing.
private final class UnixStranger {
    private let line: Int32

    init(_ endpoint: Endpoint) throws {
        line = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = try #require(endpoint.path)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(line, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
    }

    deinit { close(line) }
}
