import Testing
import Wire

@testable import ExpertKit

/// The worker's state machine, without a socket, a thread or a clock.
@Suite struct WorkerSessionTests {
    static let description = ExpertDescription(
        service: "echo", software: "echo 1", about: "Echoes.",
        inputs: [.text("context", required: false), .tensor("visual", required: false)],
        outputs: [.text("text")], options: [.integer("n", default: 1, in: 1...9, "a number")], concurrency: 2)
    static let epoch: UInt64 = 77
    let start = SuspendingClock.now

    func fresh(patience: Duration? = .seconds(60)) -> WorkerSession {
        WorkerSession(Self.description, worker: "w1", pid: 42, epoch: Self.epoch, patience: patience, now: start)
    }

    func message(_ body: Lorgnette_V1_Envelope.OneOf_Body, epoch: UInt64 = epoch, version: UInt32 = 1)
        -> WorkerSession.Event
    {
        var message = Message(epoch: epoch, body)
        message.envelope.protocol = version
        return .received(message)
    }

    func welcome(_ options: [String: WireValue] = [:], beat: UInt32 = 1000, silence: UInt32 = 5000, max: UInt64 = 0)
        -> WorkerSession.Event
    {
        message(
            .welcome(
                .with {
                    $0.optionValues = options
                    $0.heartbeatMs = beat
                    $0.livenessMs = silence
                    $0.maxMessageBytes = max
                }))
    }

    func task(_ id: UInt64, attempt: UInt32 = 1) -> WorkerSession.Event {
        message(
            .task(
                .with {
                    $0.id = id
                    $0.attempt = attempt
                }))
    }

    func finished(_ id: UInt64, attempt: UInt32 = 1, text: String = "", payloads: [Payload] = []) -> WorkerSession.Event {
        .finished(.init(id: id, attempt: attempt), .with { $0.text = text }, payloads, seconds: 0.5)
    }

    /// Greeted, welcomed, loaded.
    func serving(credit: Int = 2, max: UInt64 = 0) -> WorkerSession {
        var session = fresh()
        _ = session.begin(at: start)
        _ = session.handle(welcome(max: max), at: start)
        _ = session.handle(.loaded(credit: credit, models: [], seconds: 1), at: start)
        return session
    }

    // MARK: Greeting

    @Test func helloSaysWhoAndIsRepeatedEachSecond() {
        var session = fresh()
        guard case .hello(let hello)? = session.begin(at: start).sent.first else {
            Issue.record("no Hello")
            return
        }
        #expect(hello.service == "echo" && hello.worker == "w1" && hello.pid == 42 && hello.concurrency == 2)
        #expect(hello.options.first?.defaultText == "1" && hello.options.first?.maximum == 9)
        #expect(session.nextDeadline == start + .seconds(1))
        #expect(session.tick(at: start + .milliseconds(900)).isEmpty)
        #expect(session.tick(at: start + .seconds(1)).sent.map(\.word) == ["hello"])
        #expect(session.tick(at: start + .milliseconds(1500)).isEmpty)
        #expect(session.tick(at: start + .seconds(2)).sent.map(\.word) == ["hello"])
    }

    @Test func givesUpUnansweredOnlyIfSomebodyShouldBeThere() {
        var session = fresh(patience: .seconds(60))
        _ = session.begin(at: start)
        #expect(session.tick(at: start + .seconds(60)).exit == .unanswered)
        session = fresh(patience: nil)
        _ = session.begin(at: start)
        #expect(session.tick(at: start + .seconds(100_000)).exit == nil)
    }

    @Test func aCoordinatorThatBeatsButDoesNotWelcomeYetIsWaitedFor() {
        var session = fresh(patience: .seconds(60))
        _ = session.begin(at: start)
        #expect(session.handle(message(.heartbeat(.init())), at: start + .seconds(50)).isEmpty)
        #expect(session.tick(at: start + .seconds(100)).exit == nil)
        #expect(session.tick(at: start + .seconds(110)).exit == .unanswered)
    }

    @Test func everyMessageRepeatsTheEpoch() {
        var session = fresh()
        var all = session.begin(at: start)
        all += session.handle(welcome(), at: start)
        all += session.handle(.loaded(credit: 1, models: [], seconds: 0), at: start)
        all += session.handle(task(1), at: start)
        all += session.handle(finished(1), at: start)
        #expect(all.messages.count == 3)
        #expect(all.messages.allSatisfy { $0.envelope.epoch == Self.epoch && $0.envelope.protocol == 1 })
    }

    @Test func refusalEndsIt() {
        var session = fresh()
        _ = session.begin(at: start)
        let actions = session.handle(
            message(
                .refuse(
                    .with {
                        $0.code = .protocol
                        $0.message = "no"
                    })), at: start)
        #expect(actions.exit == .refused)
        #expect(actions.sent.isEmpty)
        #expect(session.nextDeadline == nil)
        #expect(session.handle(welcome(), at: start).isEmpty)
    }

    @Test func anotherProtocolIsRefusedWithTheReason() {
        var session = fresh()
        _ = session.begin(at: start)
        let actions = session.handle(message(.welcome(.init()), version: 2), at: start)
        #expect(actions.sent.map(\.word) == ["failure 0 protocol", "goodbye"])
        #expect(actions.exit == .refused)
    }

    @Test func anotherEpochIsDropped() {
        var session = fresh()
        _ = session.begin(at: start)
        let actions = session.handle(message(.refuse(.init()), epoch: 78), at: start)
        #expect(actions.exit == nil && actions.sent.isEmpty)
    }

    @Test(arguments: [(0, 5000), (1000, 1000), (1000, 0)] as [(UInt32, UInt32)])
    func senselessTimesAreRefused(_ times: (UInt32, UInt32)) {
        var session = fresh()
        _ = session.begin(at: start)
        #expect(session.handle(welcome(beat: times.0, silence: times.1), at: start).exit == .refused)
    }

    @Test func badOptionsAreToldAndEndIt() {
        var session = fresh()
        _ = session.begin(at: start)
        let actions = session.handle(welcome(["m": .number(1), "n": .number(10)]), at: start)
        #expect(actions.sent.map(\.word) == ["failure 0 badOption", "goodbye"])
        guard case .failure(let failure)? = actions.sent.first else { return }
        #expect(failure.message.contains("\"m\"") && failure.message.contains("1 to 9"))
        #expect(actions.exit == .badOption)
    }

    // MARK: Loading

    @Test func beatsWhileLoadingAndThenIsReady() {
        var session = fresh()
        _ = session.begin(at: start)
        let actions = session.handle(welcome(["n": .number(3)]), at: start)
        guard case .load(let options)? = actions.first else {
            Issue.record("no load")
            return
        }
        #expect(options["n"] == .number(3))
        #expect(session.tick(at: start + .seconds(1)).sent.map(\.word) == ["heartbeat"])
        let ready = session.handle(
            .loaded(credit: 4, models: [ExpertModel(role: "language", name: "m", fingerprint: "sha256:0")], seconds: 2),
            at: start + .seconds(2))
        guard case .ready(let body)? = ready.sent.first else {
            Issue.record("no Ready")
            return
        }
        #expect(body.credit == 4 && body.models.first?.role == "language" && body.loadSeconds == 2)
    }

    @Test(
        arguments: [
            (.missingModel, .missingModel), (.wrongModel, .wrongModel), (.outOfMemory, .outOfMemory), (.internal, .internalFault),
        ] as [(ExpertFailure.Code, ExitCode)])
    func aFailedLoadIsToldOnceAndEndsIt(_ pair: (ExpertFailure.Code, ExitCode)) {
        var session = fresh()
        _ = session.begin(at: start)
        _ = session.handle(welcome(), at: start)
        let actions = session.handle(.loadFailed(ExpertFailure(pair.0, "why")), at: start)
        #expect(actions.sent.map(\.word) == ["failure 0 \(pair.0)", "goodbye"])
        #expect(actions.exit == pair.1)
    }

    @Test func aTaskBeforeReadyIsRefused() {
        var session = fresh()
        _ = session.begin(at: start)
        _ = session.handle(welcome(), at: start)
        #expect(session.handle(task(1), at: start).sent.map(\.word) == ["failure 1 protocol"])
    }

    @Test func drainWhileLoadingDoesNotWait() {
        var session = fresh()
        _ = session.begin(at: start)
        _ = session.handle(welcome(), at: start)
        let actions = session.handle(.drain, at: start)
        #expect(actions.sent.map(\.word) == ["goodbye"])
        #expect(actions.exit == .drained)
        #expect(session.handle(.loaded(credit: 1, models: [], seconds: 0), at: start).isEmpty)
    }

    @Test func aSecondWelcomeChangesNothing() {
        var session = serving()
        #expect(session.handle(welcome(["unknown": .bool(true)]), at: start).isEmpty)
    }

    // MARK: Tasks

    @Test func aTaskRunsAndIsAnsweredOnce() {
        var session = serving()
        guard case .run(let header, _)? = session.handle(task(5), at: start).first else {
            Issue.record("not run")
            return
        }
        #expect(header.id == 5)
        let key = ExpertTask.Key(id: 5, attempt: 1)
        #expect(session.handle(.progress(key, text: "a", fraction: 0.5), at: start).sent.map(\.word) == ["progress"])
        guard case .result(let result)? = session.handle(finished(5, text: "hi"), at: start).sent.first else {
            Issue.record("no Result")
            return
        }
        #expect(result.task == 5 && result.attempt == 1 && result.outcome.text == "hi" && result.seconds == 0.5)
        #expect(session.handle(finished(5), at: start).isEmpty)
        #expect(session.handle(.failed(key, .cancelled), at: start).isEmpty)
        #expect(session.handle(.progress(key, text: "late", fraction: 0), at: start).isEmpty)
    }

    @Test func creditIsTheLimitAndComesBack() {
        var session = serving(credit: 2)
        #expect(session.handle(task(1), at: start).isRun && session.handle(task(2), at: start).isRun)
        #expect(session.handle(task(3), at: start).sent.map(\.word) == ["failure 3 protocol"])
        _ = session.handle(.failed(.init(id: 1, attempt: 1), .badPicture("corrupt")), at: start)
        #expect(session.handle(task(3), at: start).isRun)
    }

    @Test func theSameTaskTwiceIsOneTask() {
        var session = serving()
        #expect(session.handle(task(1), at: start).isRun)
        #expect(session.handle(task(1), at: start).isEmpty)
        #expect(session.handle(task(1, attempt: 2), at: start).sent.map(\.word) == ["failure 1 protocol"])
        #expect(session.handle(finished(1), at: start).sent.map(\.word) == ["result 1"])
    }

    @Test func aTaskThatComesAgainAfterItsAnswerIsNotWorkedOnAgain() {
        var session = serving()
        _ = session.handle(task(1), at: start)
        _ = session.handle(finished(1), at: start)
        #expect(session.handle(task(1), at: start).isEmpty)
        #expect(session.handle(task(1, attempt: 2), at: start).isRun)
        // What is remembered does not grow with the tasks.
        for id in 2...UInt64(2 + WorkerSession.memory) {
            _ = session.handle(task(id), at: start)
            _ = session.handle(finished(id), at: start)
        }
        #expect(session.handle(task(1), at: start).sent.map(\.word) == ["failure 1 protocol"])
    }

    @Test func aFormerAttemptsResultIsNotTheNewOnes() {
        var session = serving()
        _ = session.handle(task(1), at: start)
        _ = session.handle(.failed(.init(id: 1, attempt: 1), .cancelled), at: start)
        _ = session.handle(task(1, attempt: 2), at: start)
        #expect(session.handle(finished(1, attempt: 1), at: start).isEmpty)
        #expect(session.handle(finished(1, attempt: 2), at: start).sent.map(\.word) == ["result 1"])
    }

    @Test(arguments: [(0, 1), (1, 0)] as [(UInt64, UInt32)])
    func numbersStartAtOne(_ numbers: (UInt64, UInt32)) {
        var session = serving()
        #expect(
            session.handle(task(numbers.0, attempt: numbers.1), at: start).sent.map(\.word) == ["failure \(numbers.0) protocol"])
    }

    @Test func inputsMustFitThePorts() {
        var session = serving()
        func inputs(_ ports: [String]) -> WorkerSession.Event {
            message(
                .task(
                    .with {
                        $0.id = 1
                        $0.attempt = 1
                        $0.inputs = ports.map { port in .with { $0.port = port } }
                    }))
        }
        #expect(session.handle(inputs(["contxt"]), at: start).sent.map(\.word) == ["failure 1 badInput"])
        #expect(session.handle(inputs(["visual", "visual"]), at: start).sent.map(\.word) == ["failure 1 badInput"])
        let picture = message(
            .task(
                .with {
                    $0.id = 1
                    $0.attempt = 1
                    $0.picture.frame = 0
                }))
        #expect(session.handle(picture, at: start).sent.map(\.word) == ["failure 1 badInput"])
        #expect(session.handle(inputs(["context", "context", "visual"]), at: start).isRun)
    }

    @Test func cancelReachesTheRightAttemptOnly() {
        var session = serving()
        _ = session.handle(task(1, attempt: 2), at: start)
        #expect(
            session.handle(
                message(
                    .cancel(
                        .with {
                            $0.task = 1
                            $0.attempt = 1
                        })), at: start
            ).isEmpty)
        #expect(
            session.handle(
                message(
                    .cancel(
                        .with {
                            $0.task = 9
                            $0.attempt = 1
                        })), at: start
            ).isEmpty)
        guard
            case .cancel(let key)? = session.handle(
                message(
                    .cancel(
                        .with {
                            $0.task = 1
                            $0.attempt = 2
                        })), at: start
            ).first
        else {
            Issue.record("not cancelled")
            return
        }
        #expect(key == ExpertTask.Key(id: 1, attempt: 2))
        #expect(session.handle(.failed(key, .cancelled), at: start).sent.map(\.word) == ["failure 1 cancelled"])
    }

    @Test func aResultOverTheLimitIsAFailureNotSilence() {
        var session = serving(max: 1000)
        _ = session.handle(task(1), at: start)
        let actions = session.handle(finished(1, payloads: [Payload([UInt8](repeating: 0, count: 1001))]), at: start)
        #expect(actions.sent.map(\.word) == ["failure 1 internal"])
        #expect(session.handle(task(2), at: start).isRun)
    }
}

extension [WorkerSession.Action] {
    var messages: [Message] { compactMap { if case .send(let message) = $0 { message } else { nil } } }
    var sent: [Lorgnette_V1_Envelope.OneOf_Body] { messages.compactMap(\.envelope.body) }
    var exit: ExitCode? { compactMap { if case .exit(let code) = $0 { code } else { nil } }.first }
    var isRun: Bool { count == 1 && { if case .run = self[0] { true } else { false } }() }
}

extension Lorgnette_V1_Envelope.OneOf_Body {
    /// A message in a word, for expectations.
    var word: String {
        switch self {
        case .hello: "hello"
        case .welcome: "welcome"
        case .refuse: "refuse"
        case .ready: "ready"
        case .task(let body): "task \(body.id)"
        case .progress: "progress"
        case .result(let body): "result \(body.task)"
        case .failure(let body): "failure \(body.task) \(body.code)"
        case .heartbeat: "heartbeat"
        case .cancel(let body): "cancel \(body.task)"
        case .drain: "drain"
        case .goodbye: "goodbye"
        }
    }
}
