import Glibc
import Locks
import Synchronization
import Testing
import Wire

@testable import ExpertKit

/// Whole conversations over real sockets, the worker on a thread of this process.
@Suite(.serialized) struct ConversationTests {
    let context: ZMQContext
    let coordinator: MiniCoordinator

    init() throws {
        context = try ZMQContext()
        coordinator = try MiniCoordinator(context)
    }

    /// Runs a worker; `join` gives its exit code.
    private final class Running: Sendable {
        private let code = Locked<ExitCode?>(nil)
        private let thread = Locked<DedicatedThread?>(nil)
        let waker: Waker
        let asked = Atomic<Bool>(false)

        init<Worker: Expert>(_: Worker.Type, _ meeting: Meeting, _ context: ZMQContext) throws {
            waker = try Waker()
            let started = try DedicatedThread(name: "worker") { [self] in
                let result = try? WorkerLoop<Worker>(meeting, worker: "t", context: context, waker: waker).run {
                    asked.load(ordering: .relaxed)
                }
                code.withLock { $0 = result }
            }
            thread.withLock { $0 = started }
        }

        func askToEnd() {
            asked.store(true, ordering: .relaxed)
            waker.wake()
        }

        func join() -> ExitCode? {
            thread.withLock { $0.take() }?.join()
            return code.withLock { $0 }
        }
    }

    private func start() throws -> Running { try Running(PuppetExpert.self, .connect(coordinator.endpoint), context) }

    @Test func oneWholeConversation() throws {
        let worker = try start()
        guard case .hello(let hello) = try coordinator.next().body else { throw MiniCoordinator.Silence() }
        #expect(hello.service == "puppet" && hello.worker == "t" && hello.inputs.map(\.name) == ["context", "visual"])
        try coordinator.welcome(["say": .string("hello")])
        guard case .ready(let ready) = try coordinator.next().body else { throw MiniCoordinator.Silence() }
        #expect(ready.credit == 2)

        try coordinator.task(1, item: "tensor")
        guard case (.result(let result), let payloads) = try coordinator.next() else { throw MiniCoordinator.Silence() }
        #expect(result.task == 1 && result.attempt == 1 && result.outcome.text == "hello tensor")
        #expect(try payloads.tensor(result.outcome.tensors[0]).floats() == [0, 1, 2, 3])

        // Its own tensor comes back as another stage's.
        try coordinator.send(
            .task(
                .with {
                    $0.id = 2
                    $0.attempt = 1
                    $0.item = "sum"
                    $0.inputs = [
                        .with {
                            $0.port = "visual"
                            $0.outcome = result.outcome
                        }
                    ]
                }),
            payloads: payloads)
        guard case .result(let sum) = try coordinator.next().body else { throw MiniCoordinator.Silence() }
        #expect(sum.outcome.facts["sum"] == "6.0")

        try coordinator.task(3, item: "progress")
        let words = [try coordinator.word(), try coordinator.word(), try coordinator.word()]
        #expect(words == ["progress", "progress", "result 3"])
        try coordinator.task(4, item: "fail")
        guard case .failure(let failure) = try coordinator.next().body else { throw MiniCoordinator.Silence() }
        #expect(failure.task == 4 && failure.code == .badPicture && !failure.retryable && failure.message == "corrupt")
        try coordinator.task(5, item: "throw")
        #expect(try coordinator.word() == "failure 5 internal")

        try coordinator.send(.drain(.init()))
        #expect(try coordinator.word() == "goodbye")
        #expect(worker.join() == .drained)
    }

    @Test func badTensorsAreTheTasksFailure() throws {
        let worker = try start()
        try coordinator.greet()
        func send(_ id: UInt64, _ tensor: Lorgnette_V1_Tensor, _ payloads: [Payload], item: String = "sum") throws -> String {
            try coordinator.send(
                .task(
                    .with {
                        $0.id = id
                        $0.attempt = 1
                        $0.item = item
                        $0.inputs = [
                            .with {
                                $0.port = "visual"
                                $0.outcome.tensors = [tensor]
                            }
                        ]
                    }),
                payloads: payloads)
            return try coordinator.word()
        }
        let header = Lorgnette_V1_Tensor.with {
            $0.name = "t"
            $0.dtype = "f32"
            $0.shape = [2]
        }
        #expect(try send(1, header, []) == "failure 1 badInput")
        #expect(try send(2, header, [Payload([0, 0, 0])]) == "failure 2 badInput")
        #expect(try send(3, header, [Payload(floats: [1, .nan])]) == "failure 3 badInput")
        #expect(try send(4, header, [Payload(floats: [1, 2])]) == "result 4")
        // Also where the expert would not have looked.
        #expect(try send(5, header, [Payload(floats: [1, .nan])], item: "idle") == "failure 5 badInput")
        try coordinator.send(.goodbye(.init()))
        #expect(worker.join() == .drained)
    }

    @Test func cancelEndsRunningAndWaitingTasks() throws {
        let worker = try start()
        try coordinator.greet()
        try coordinator.task(1, item: "wait")
        #expect(try coordinator.word() == "progress")
        // One compute thread: the second task waits behind the first, and is let go at once.
        try coordinator.task(2, item: "wait")
        try coordinator.send(
            .cancel(
                .with {
                    $0.task = 2
                    $0.attempt = 1
                }))
        #expect(try coordinator.word() == "failure 2 cancelled")
        try coordinator.send(
            .cancel(
                .with {
                    $0.task = 1
                    $0.attempt = 1
                }))
        #expect(try coordinator.word() == "failure 1 cancelled")
        try coordinator.task(3)
        #expect(try coordinator.word() == "result 3")
        worker.askToEnd()
        #expect(try coordinator.word() == "goodbye")
        #expect(worker.join() == .drained)
    }

    @Test func beatsWhileItWorksAndDrainWaitsForTheTask() throws {
        let worker = try start()
        try coordinator.greet()
        try coordinator.task(1, item: "wait")
        #expect(try coordinator.word() == "progress")
        try coordinator.heartbeat()
        worker.askToEnd()
        try coordinator.untilDraining(from: 2)
        try coordinator.heartbeat()
        try coordinator.send(
            .cancel(
                .with {
                    $0.task = 1
                    $0.attempt = 1
                }))
        #expect(try coordinator.word() == "failure 1 cancelled")
        #expect(try coordinator.word() == "goodbye")
        #expect(worker.join() == .drained)
    }

    @Test func badOptionsAndMissingModelsAreTold() throws {
        let first = try start()
        #expect(try coordinator.word() == "hello")
        try coordinator.welcome(["sya": .string("x")])
        #expect(try coordinator.word() == "failure 0 badOption")
        #expect(try coordinator.word() == "goodbye")
        #expect(first.join() == .badOption)

        let second = try start()
        #expect(try coordinator.word() == "hello")
        try coordinator.welcome(["say": .string("missing")])
        #expect(try coordinator.word() == "failure 0 missingModel")
        #expect(try coordinator.word() == "goodbye")
        #expect(second.join() == .missingModel)
    }

    @Test func refusalAndAnotherProtocolEndIt() throws {
        let first = try start()
        #expect(try coordinator.word() == "hello")
        try coordinator.send(
            .refuse(
                .with {
                    $0.code = .protocol
                    $0.message = "expected protocol 2, found 1"
                }))
        #expect(first.join() == .refused)

        let second = try start()
        #expect(try coordinator.word() == "hello")
        try coordinator.send(
            .welcome(
                .with {
                    $0.heartbeatMs = 50
                    $0.livenessMs = 500
                }), version: 2)
        #expect(try coordinator.word() == "failure 0 protocol")
        #expect(second.join() == .refused)
    }

    @Test func aSilentCoordinatorIsLeft() throws {
        let worker = try start()
        try coordinator.greet(silence: 300)
        try coordinator.task(1, item: "wait")
        #expect(worker.join() == .coordinatorLost)
    }

    @Test func aWorkerThatBindsWaitsForItsCoordinator() throws {
        // The worker's own folder, so that the mini coordinator's stays its own.
        let folder = try PrivateDirectory(parent: "/tmp")
        let worker = try Running(PuppetExpert.self, .bind(try folder.endpoint("w")), context)
        try coordinator.router.connect(try folder.endpoint("w"))
        try coordinator.greet()
        try coordinator.task(1)
        #expect(try coordinator.word() == "result 1")
        try coordinator.send(.drain(.init()))
        #expect(worker.join() == .drained)
        folder.close()
    }

    @Test func manyTasksKeepTheirOrderAndNumbers() throws {
        let worker = try start()
        let credit = UInt64(try coordinator.greet())
        var answered: [UInt64] = []
        for id in 1...credit { try coordinator.task(id) }
        while answered.count < 500 {
            guard case .result(let result) = try coordinator.next().body else { throw MiniCoordinator.Silence() }
            answered.append(result.task)
            if result.task + credit <= 500 { try coordinator.task(result.task + credit) }
        }
        #expect(answered == Array(1...500))
        try coordinator.send(.goodbye(.init()))
        #expect(worker.join() == .drained)
    }
}

/// Does what the item's name says.
final class PuppetExpert: Expert {
    static let description = ExpertDescription(
        service: "puppet", software: "puppet 1", about: "Does what it is told.",
        inputs: [.text("context", required: false), .tensor("visual", required: false)], outputs: [.text("text")],
        options: [.string("say", default: "", "a word")])
    let say: String
    var credit: Int { 2 }

    init(options: ExpertOptions) throws {
        say = try options.string("say")
        if say == "missing" { throw ExpertFailure.missingModel("expected a model, found none") }
    }

    func answer(_ task: ExpertTask) throws -> ExpertAnswer {
        var answer = ExpertAnswer(text: "\(say) \(task.item)")
        switch task.item {
        case "tensor": answer.tensors = [.init("t", shape: [2, 2], [0, 1, 2, 3])]
        case "sum": answer.facts["sum"] = "\(try task.tensor("visual").floats().reduce(0, +))"
        case "progress":
            task.report(text: "one ")
            task.report(text: "two", fraction: 0.9)
        case "fail": throw ExpertFailure.badPicture("corrupt")
        case "throw": throw CancellationError()
        case "wait":
            task.report(text: "waiting")
            while true {
                try task.checkCancelled()
                sched_yield()
            }
        default: break
        }
        return answer
    }
}
