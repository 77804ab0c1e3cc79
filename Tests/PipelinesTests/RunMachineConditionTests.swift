import Pipelines
import Testing

/// visual → caption → answer ← text, where the caption is made only if its condition, on the text, holds.
@Suite struct RunMachineConditionTests {
    private static let names = ["text", "visual", "caption", "answer"]

    private func machine(visual isConditional: Bool = false) -> RunMachine {
        var machine = RunMachine(
            stages: [
                .init(dependencies: [], optional: true, deadline: .seconds(10)),
                .init(
                    dependencies: isConditional ? [0] : [], deadline: .seconds(10), transient: true, conditional: isConditional),
                .init(
                    dependencies: isConditional ? [1] : [0, 1], tensorDependencies: [1], requiredPorts: [[1]],
                    deadline: .seconds(10), conditional: !isConditional),
                .init(dependencies: [0, 2], deadline: .seconds(10)),
            ], names: Self.names)
        for stage in 0..<4 { _ = machine.handle(.workerReady(stage, stage: stage, credit: 1), at: .zero) }
        return machine
    }

    private func succeed(_ assignment: RunMachine.Assignment, _ machine: inout RunMachine) -> [RunMachine.Action] {
        machine.handle(.succeeded(assignment.task, attempt: assignment.attempt, by: assignment.worker), at: .zero)
    }

    @Test func aStageIsDecidedOnOnceAllIsThere() {
        var machine = machine()
        let first = machine.handle(.opened(1, known: []), at: .zero).sends
        #expect(first.map(\.stage) == [0, 1])
        #expect(succeed(first[0], &machine).isEmpty)
        #expect(succeed(first[1], &machine) == [.decide(1, stage: 2)])
        let caption = machine.handle(.decided(1, stage: 2, runs: true), at: .zero).sends
        #expect(caption.map(\.stage) == [2])
        #expect(machine.handle(.decided(1, stage: 2, runs: false), at: .zero).isEmpty, "decided once")
        let answer = succeed(caption[0], &machine).sends
        #expect(succeed(answer[0], &machine).closes == [1])
        #expect(machine.settlements(of: 1) == Array(repeating: .succeeded(attempts: 1), count: 4))
    }

    @Test func aStageThatIsNotToRunIsNoFailure() {
        var machine = machine()
        let first = machine.handle(.opened(1, known: []), at: .zero).sends
        _ = succeed(first[1], &machine)
        #expect(succeed(first[0], &machine).decisions == [2])
        let answer = machine.handle(.decided(1, stage: 2, runs: false), at: .zero).sends
        #expect(answer.map(\.stage) == [3])
        #expect(succeed(answer[0], &machine).closes == [1])
        #expect(machine.settlements(of: 1)[2] == .declined(because: nil))
    }

    @Test func aFailureOfWhatItsConditionNamesIsDecidedOn() {
        var machine = machine()
        let first = machine.handle(.opened(1, known: []), at: .zero).sends
        _ = succeed(first[1], &machine)
        let broken = StageError(code: "internal", message: "broken")
        let actions = machine.handle(.failed(first[0].task, attempt: 1, by: 0, broken, retryable: false), at: .zero)
        #expect(actions.decisions == [2])
    }

    @Test func whatNeedsAStageThatIsNotRunIsNotRunEither() {
        var machine = machine(visual: true)
        let text = machine.handle(.opened(1, known: []), at: .zero).sends
        #expect(text.map(\.stage) == [0])
        #expect(succeed(text[0], &machine).decisions == [1])
        let answer = machine.handle(.decided(1, stage: 1, runs: false), at: .zero).sends
        #expect(answer.map(\.stage) == [3])
        #expect(succeed(answer[0], &machine).closes == [1])
        #expect(machine.settlements(of: 1)[1...2] == [.declined(because: nil), .declined(because: "visual")])
    }

    @Test func aFailedItemDecidesNothing() {
        var machine = machine(visual: true)
        let text = machine.handle(.opened(1, known: [2]), at: .zero).sends
        #expect(succeed(text[0], &machine).decisions == [1])
        // Another required stage fails meanwhile.
        var other = machine
        _ = other.handle(.decided(1, stage: 1, runs: true), at: .zero)
        #expect(machine.handle(.decided(7, stage: 1, runs: true), at: .zero).isEmpty)
        #expect(machine.handle(.decided(1, stage: 0, runs: true), at: .zero).isEmpty)
    }

    @Test func whatIsKnownIsUsedOnlyIfItIsToRun() {
        var machine = machine()
        // Text and caption are known; the answer is not. Nothing that has to be computed needs the features.
        let opened = machine.handle(.opened(1, known: [0, 1, 2]), at: .zero)
        #expect(opened == [.decide(1, stage: 2)])
        #expect(machine.handle(.decided(1, stage: 2, runs: true), at: .zero).sends.map(\.stage) == [3])
        #expect(machine.settlements(of: 1).prefix(3) == [.known, .notNeeded, .known])
        _ = machine.handle(.opened(2, known: [0, 1, 2]), at: .zero)
        _ = machine.handle(.decided(2, stage: 2, runs: false), at: .zero)
        #expect(machine.settlements(of: 2)[2] == .declined(because: nil))
    }

    @Test func whatIsDeclinedBeforehandIsNeitherDecidedNorComputed() {
        var machine = machine()
        #expect(machine.handle(.opened(1, known: [0, 1], declined: [2]), at: .zero).sends.map(\.stage) == [3])
        #expect(machine.settlements(of: 1).prefix(3) == [.known, .notNeeded, .declined(because: nil)])
        var late = self.machine(visual: true)
        #expect(late.handle(.opened(1, known: [0, 3], declined: [1, 2]), at: .zero).closes == [1])
        #expect(late.settlements(of: 1) == [.known, .declined(because: nil), .declined(because: "visual"), .known])
    }

    @Test func stagesMayShareWorkers() {
        var machine = RunMachine(
            stages: [
                .init(dependencies: [], deadline: .seconds(10)),
                .init(dependencies: [], deadline: .seconds(10), pool: 0),
                .init(dependencies: [0], deadline: .seconds(10), pool: 0),
            ], names: ["a", "b", "c"])
        _ = machine.handle(.workerReady(5, stage: 0, credit: 1), at: .zero)
        var sends = machine.handle(.opened(1, known: []), at: .zero).sends
        var order: [Int] = []
        while let next = sends.first {
            #expect(next.worker == 5 && sends.count == 1)
            order.append(next.stage)
            sends = succeed(next, &machine).sends
        }
        #expect(order == [0, 1, 2])
        #expect(machine.settlements(of: 1) == Array(repeating: .succeeded(attempts: 1), count: 3))
    }

    /// Random events and decisions: items close once, every stage settled, nothing decided twice, nothing sent that was
    /// declined.
    @Test(arguments: 1...4) func promisesHoldUnderRandomEvents(seed: Int) {
        var state = UInt64(seed)
        func dice(_ sides: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % sides
        }
        var machine = machine(visual: seed % 2 == 0)
        var live: [RunMachine.Assignment] = []
        var pending: [(RunMachine.ItemID, Int)] = []
        var declined: Set<[UInt64]> = []
        var decided: Set<[UInt64]> = []
        var opened: UInt64 = 0
        var closed = 0
        for step in 0..<20_000 {
            let event: RunMachine.Event
            switch dice(8) {
            case 0...1:
                opened += 1
                event = .opened(opened, known: Set((0..<4).filter { _ in dice(6) == 0 }))
            case 2...3:
                guard !pending.isEmpty else { continue }
                let (item, stage) = pending.remove(at: dice(pending.count))
                let runs = dice(2) == 0
                if !runs { declined.insert([item, UInt64(stage)]) }
                event = .decided(item, stage: stage, runs: runs)
            default:
                guard !live.isEmpty else { continue }
                let task = live.remove(at: dice(live.count))
                let error = StageError(code: "internal", message: "chance")
                event =
                    dice(6) == 0
                    ? .failed(task.task, attempt: task.attempt, by: task.worker, error, retryable: dice(2) == 0)
                    : .succeeded(task.task, attempt: task.attempt, by: task.worker)
            }
            for action in machine.handle(event, at: .milliseconds(step / 1000)) {
                switch action {
                case .send(let assignment):
                    #expect(!declined.contains([assignment.item, UInt64(assignment.stage)]))
                    live.append(assignment)
                case .decide(let item, let stage):
                    #expect(decided.insert([item, UInt64(stage)]).inserted)
                    pending.append((item, stage))
                case .close(let item):
                    #expect(machine.settlements(of: item).allSatisfy { $0 != nil })
                    machine.forget(item)
                    closed += 1
                case .cancel, .kill: break
                }
            }
        }
        #expect(closed > 1000 && !declined.isEmpty)
        #expect(machine.openItems == Int(opened) - closed)
    }
}
