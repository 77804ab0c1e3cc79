import Pipelines
import Testing

/// visual → caption → answer, with an optional text stage beside them.
private func machine(maxAttempts: Int = 3) -> RunMachine {
    RunMachine(
        stages: [
            .init(dependencies: [], deadline: .seconds(10), transient: true),
            .init(dependencies: [0], tensorDependencies: [0], requiredPorts: [[0]], deadline: .seconds(10)),
            .init(dependencies: [], optional: true, deadline: .seconds(10)),
            .init(dependencies: [1, 2], deadline: .seconds(10)),
        ], names: ["visual", "caption", "text", "answer"], maxAttempts: maxAttempts)
}

extension [RunMachine.Action] {
    var sends: [RunMachine.Assignment] { compactMap { if case .send(let assignment) = $0 { assignment } else { nil } } }
    var closes: [RunMachine.ItemID] { compactMap { if case .close(let item) = $0 { item } else { nil } } }
    var kills: [RunMachine.WorkerID] { compactMap { if case .kill(let worker, _) = $0 { worker } else { nil } } }
    var decisions: [Int] { compactMap { if case .decide(_, let stage) = $0 { stage } else { nil } } }
    var cancels: [RunMachine.TaskID] { compactMap { if case .cancel(let task, _, _) = $0 { task } else { nil } } }
}

@Suite struct RunMachineTests {
    /// A machine with one ready worker for each stage: worker n serves stage n.
    private func ready(credit: Int = 1, maxAttempts: Int = 3) -> RunMachine {
        var machine = machine(maxAttempts: maxAttempts)
        for stage in 0..<4 {
            #expect(machine.handle(.workerReady(stage, stage: stage, credit: credit), at: .zero).isEmpty)
        }
        return machine
    }

    private func succeed(_ assignment: RunMachine.Assignment, _ machine: inout RunMachine) -> [RunMachine.Action] {
        machine.handle(
            .succeeded(assignment.task, attempt: assignment.attempt, by: assignment.worker), at: .zero)
    }

    private let broken = StageError(code: "internal", message: "broken")

    @Test func aStageStartsWhenItsInputsAreThere() {
        var machine = ready()
        let first = machine.handle(.opened(1, known: []), at: .zero).sends
        #expect(first.map(\.stage) == [0, 2])
        let second = succeed(first[0], &machine).sends
        #expect(second.map(\.stage) == [1])
        #expect(succeed(second[0], &machine).isEmpty)
        let third = succeed(first[1], &machine).sends
        #expect(third.map(\.stage) == [3])
        #expect(succeed(third[0], &machine).closes == [1])
        #expect(machine.settlements(of: 1) == Array(repeating: .succeeded(attempts: 1), count: 4))
        machine.forget(1)
        #expect(machine.openItems == 0)
    }

    @Test func aWorkerNeverHoldsMoreThanItsCredit() {
        var machine = ready(credit: 2)
        var sends: [RunMachine.Assignment] = []
        for item in 1...5 { sends += machine.handle(.opened(UInt64(item), known: []), at: .zero).sends }
        #expect(sends.filter { $0.stage == 0 }.map(\.item) == [1, 2])
        let next = succeed(sends.first { $0.stage == 0 }!, &machine).sends
        #expect(next.filter { $0.stage == 0 }.map(\.item) == [3])
    }

    @Test func theLeastBusyWorkerIsGivenTheTask() {
        var machine = machine()
        _ = machine.handle(.workerReady(7, stage: 0, credit: 4), at: .zero)
        _ = machine.handle(.workerReady(8, stage: 0, credit: 4), at: .zero)
        let workers = (1...4).flatMap { machine.handle(.opened(UInt64($0), known: []), at: .zero).sends.map(\.worker) }
        #expect(workers == [7, 8, 7, 8])
    }

    @Test func anOptionalFailureLeavesTheRestToGoOn() {
        var machine = ready()
        let first = machine.handle(.opened(1, known: []), at: .zero).sends
        let text = first[1]
        _ = machine.handle(.failed(text.task, attempt: 1, by: 2, broken, retryable: false), at: .zero)
        let caption = succeed(first[0], &machine).sends[0]
        let answer = succeed(caption, &machine).sends
        #expect(answer.map(\.stage) == [3])
        #expect(succeed(answer[0], &machine).closes == [1])
        #expect(machine.settlements(of: 1)[2] == .failed(broken, attempts: 1))
    }

    @Test func aRequiredFailureEndsTheItemAndCancelsWhatRuns() {
        var machine = ready()
        let first = machine.handle(.opened(1, known: []), at: .zero).sends
        let actions = machine.handle(.failed(first[0].task, attempt: 1, by: 0, broken, retryable: false), at: .zero)
        #expect(actions.cancels == [first[1].task])
        #expect(actions.closes == [1])
        #expect(machine.settlements(of: 1)[1] == .skipped(because: "visual"))
        // The cancelled task fills its worker's credit until the worker gives it back.
        machine.forget(1)
        #expect(machine.handle(.opened(2, known: []), at: .zero).sends.map(\.stage) == [0])
        #expect(
            machine.handle(.failed(first[1].task, attempt: 1, by: 2, broken, retryable: false), at: .zero).sends.map(\.stage) == [
                2
            ])
    }

    @Test func aRetryableFailureIsTriedThreeTimes() {
        var machine = ready()
        var sends = machine.handle(.opened(1, known: []), at: .zero).sends
        for attempt in 1...2 {
            #expect(sends[0].attempt == attempt)
            sends = machine.handle(.failed(sends[0].task, attempt: attempt, by: 0, broken, retryable: true), at: .zero).sends
            #expect(sends.map(\.stage) == [0])
        }
        #expect(machine.handle(.failed(sends[0].task, attempt: 3, by: 0, broken, retryable: true), at: .zero).closes == [1])
        #expect(machine.settlements(of: 1)[0] == .failed(broken, attempts: 3))
    }

    @Test func neighboursOfADeadWorkersTaskAreNotBlamedAndAreTriedAlone() {
        var machine = ready(credit: 3)
        for item in 1...3 { _ = machine.handle(.opened(UInt64(item), known: []), at: .zero) }
        #expect(machine.handle(.workerLost(0, reason: "killed"), at: .zero).sends.isEmpty)
        // A fresh worker gets the suspects one by one.
        var sends = machine.handle(.workerReady(10, stage: 0, credit: 3), at: .zero).sends
        #expect(sends.map(\.item) == [1])
        // The first kills its worker again, alone this time: it alone is blamed.
        #expect(machine.handle(.workerLost(10, reason: "killed"), at: .zero).sends.isEmpty)
        sends = machine.handle(.workerReady(11, stage: 0, credit: 3), at: .zero).sends
        #expect(sends.map(\.item) == [2])
        #expect(succeed(sends[0], &machine).sends.filter { $0.stage == 0 }.map(\.item) == [3])
    }

    @Test func suspectsWaitForAFreshWorkerWhileOthersGoOn() {
        var machine = machine()
        for worker in [7, 8] { _ = machine.handle(.workerReady(worker, stage: 0, credit: 2), at: .zero) }
        let opened = (1...4).flatMap { machine.handle(.opened(UInt64($0), known: []), at: .zero).sends }
        // Items 1 and 3 were with 7. Worker 8 is given what comes, but neither of them.
        _ = machine.handle(.workerLost(7, reason: "killed"), at: .zero)
        #expect(machine.handle(.opened(5, known: []), at: .zero).sends.isEmpty)
        let held = opened.filter { $0.worker == 8 }
        var sends: [RunMachine.Assignment] = []
        for task in held.map(\.task) { sends += machine.handle(.succeeded(task, attempt: 1, by: 8), at: .zero).sends }
        #expect(sends.filter { $0.stage == 0 }.map(\.item) == [5])
        let fresh = machine.handle(.workerReady(9, stage: 0, credit: 2), at: .zero).sends
        #expect(fresh.map(\.item) == [1])
        #expect(fresh.map(\.worker) == [9])
        // As long as a suspect waits, the fresh one is given nothing else.
        #expect(machine.handle(.opened(6, known: []), at: .zero).sends.map(\.worker) == [8])
        #expect(machine.handle(.opened(7, known: []), at: .zero).sends.isEmpty)
        #expect(succeed(fresh[0], &machine).sends.filter { $0.stage == 0 }.map(\.item) == [3])
    }

    @Test func aSuspectIsTriedByAnyWorkerIfNoFreshOneComes() {
        var machine = machine()
        for worker in [7, 8] { _ = machine.handle(.workerReady(worker, stage: 0, credit: 1), at: .zero) }
        _ = machine.handle(.opened(1, known: []), at: .zero)
        #expect(machine.handle(.workerLost(7, reason: "killed"), at: .zero).sends.isEmpty)
        #expect(machine.handle(.tick(), at: .seconds(9)).sends.isEmpty)
        #expect(machine.handle(.tick(), at: .seconds(10)).sends.map(\.worker) == [8])
    }

    @Test func aTaskThatKillsItsWorkersFailsItsItemAlone() {
        var machine = ready()
        _ = machine.handle(.opened(1, known: []), at: .zero)
        _ = machine.handle(.workerLost(0, reason: "killed by signal 6"), at: .zero)
        for worker in 10...11 {
            #expect(machine.handle(.workerReady(worker, stage: 0, credit: 1), at: .zero).sends.map(\.item) == [1])
            let actions = machine.handle(.workerLost(worker, reason: "killed by signal 6"), at: .zero)
            #expect(actions.closes == (worker == 11 ? [1] : []))
        }
        let error = StageError(code: "worker_lost", message: "killed by signal 6")
        #expect(machine.settlements(of: 1)[0] == .failed(error, attempts: 3))
    }

    @Test func aLeaseThatRunsOutKillsTheWorker() {
        var machine = ready()
        _ = machine.handle(.opened(1, known: []), at: .seconds(1))
        #expect(machine.nextDeadline() == .seconds(11))
        #expect(machine.handle(.tick(), at: .seconds(10)).isEmpty)
        #expect(machine.handle(.tick(), at: .seconds(11)).kills.sorted() == [0, 2])
        #expect(machine.handle(.workerReady(10, stage: 0, credit: 1), at: .seconds(12)).sends.map(\.attempt) == [2])
    }

    @Test func aHangsReasonHasTheEndOfTheLog() {
        var machine = ready(maxAttempts: 1)
        _ = machine.handle(.opened(1, known: []), at: .zero)
        #expect(machine.overdue(at: .seconds(9)).isEmpty)
        #expect(machine.overdue(at: .seconds(10)) == [0, 2])
        _ = machine.handle(.tick(logs: [0: "loading the sky", 2: ""]), at: .seconds(10))
        let error = StageError(code: "deadline", message: "no result within 10.0 seconds; its worker's log ends: loading the sky")
        #expect(machine.settlements(of: 1)[0] == .failed(error, attempts: 1))
        #expect(machine.overdue(at: .seconds(10)).isEmpty)
    }

    @Test func lateRepeatedAndForgedAnswersChangeNothing() {
        var machine = ready()
        let first = machine.handle(.opened(1, known: []), at: .zero).sends[0]
        #expect(machine.handle(.succeeded(first.task, attempt: 1, by: 3), at: .zero).isEmpty)
        #expect(machine.handle(.succeeded(first.task, attempt: 2, by: 0), at: .zero).isEmpty)
        #expect(machine.handle(.succeeded(999, attempt: 1, by: 0), at: .zero).isEmpty)
        #expect(succeed(first, &machine).sends.map(\.stage) == [1])
        #expect(succeed(first, &machine).isEmpty)
    }

    @Test func whatIsKnownIsNotComputed() {
        var machine = ready()
        #expect(machine.handle(.opened(1, known: [0, 1, 2, 3]), at: .zero).closes == [1])
        #expect(machine.settlements(of: 1) == [.notNeeded, .known, .known, .known])
        // The answer is unknown, but nothing that it needs has tensors.
        #expect(machine.handle(.opened(2, known: [0, 1, 2]), at: .zero).sends.map(\.stage) == [3])
        // The caption is unknown, so the features are computed again.
        #expect(machine.handle(.opened(3, known: [0, 2]), at: .zero).sends.map(\.stage) == [0])
    }

    @Test func aTaskIsKnownOnlyToItsHolder() {
        var machine = ready()
        let first = machine.handle(.opened(1, known: []), at: .zero).sends[0]
        #expect(machine.work(on: first.task, attempt: 1, by: 0)?.stage == 0)
        #expect(machine.work(on: first.task, attempt: 2, by: 0) == nil)
        // Another worker says that it failed: nothing is taken from the one that works on it.
        #expect(machine.handle(.failed(first.task, attempt: 1, by: 2, broken, retryable: false), at: .zero).isEmpty)
        #expect(machine.work(on: first.task, attempt: 1, by: 0)?.item == 1)
        #expect(succeed(first, &machine).sends.map(\.stage) == [1])
        #expect(machine.work(on: first.task, attempt: 1, by: 0) == nil)
    }

    /// Random events never break the promises: closes once, credit kept, nothing sent to the dead.
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func promisesHoldUnderRandomEvents(seed: UInt64) {
        var random = SplitMix(state: seed)
        var machine = machine()
        var held: [Int: Set<UInt64>] = [:]
        var credit: [Int: Int] = [:]
        var live: [UInt64: RunMachine.Assignment] = [:]
        var closed: Set<UInt64> = []
        var opened: UInt64 = 0
        var nextWorker = 0
        for step in 0..<20_000 {
            let event: RunMachine.Event
            let pick = live.values.sorted { $0.task < $1.task }.randomElement(using: &random)
            switch random.next() % 16 {
            case 0 where credit.count < 12:
                credit[nextWorker] = Int(random.next() % 4) + 1
                event = .workerReady(nextWorker, stage: Int(random.next() % 4), credit: credit[nextWorker]!)
                nextWorker += 1
            case 1:
                guard let worker = credit.keys.sorted().randomElement(using: &random) else { continue }
                (credit[worker], held[worker]) = (nil, nil)
                live = live.filter { $0.value.worker != worker }
                event = .workerLost(worker, reason: "chance")
            case 2...6:
                opened += 1
                event = .opened(opened, known: Set((0..<4).filter { _ in random.next() % 8 == 0 }))
            case 7...13:
                guard let pick else { continue }
                live[pick.task] = nil
                held[pick.worker]?.remove(pick.task)
                event = .succeeded(pick.task, attempt: pick.attempt, by: pick.worker)
            case 14:
                guard let pick else { continue }
                live[pick.task] = nil
                held[pick.worker]?.remove(pick.task)
                event = .failed(pick.task, attempt: pick.attempt, by: pick.worker, broken, retryable: random.next() % 2 == 0)
            default: event = .tick()
            }
            for action in machine.handle(event, at: .milliseconds(step)) {
                switch action {
                case .send(let assignment):
                    #expect(credit[assignment.worker] != nil, "sent to a worker that is gone")
                    held[assignment.worker, default: []].insert(assignment.task)
                    #expect(held[assignment.worker]!.count <= credit[assignment.worker] ?? 0)
                    #expect(live.updateValue(assignment, forKey: assignment.task) == nil)
                case .close(let item):
                    #expect(closed.insert(item).inserted, "closed twice")
                    #expect(machine.settlements(of: item).allSatisfy { $0 != nil })
                    machine.forget(item)
                case .kill(let worker, _):
                    (credit[worker], held[worker]) = (nil, nil)
                    live = live.filter { $0.value.worker != worker }
                case .cancel, .decide: break
                }
            }
        }
        #expect(closed.count > 100)
        #expect(machine.openItems == Int(opened) - closed.count)
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
