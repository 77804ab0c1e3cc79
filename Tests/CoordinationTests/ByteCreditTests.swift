import Testing

@testable import Coordination
@testable import Pipelines

@Suite struct ByteCreditTests {
    private func task(_ number: UInt64, of worker: Int = 1) -> RunMachine.Assignment {
        RunMachine.Assignment(task: number, attempt: 1, item: 1, stage: 0, worker: worker, lease: .seconds(1))
    }

    @Test func whatIsOverTheLimitWaitsInItsTurn() {
        let credit = Box()
        #expect(credit.take(task(1), bytes: 60))
        #expect(credit.take(task(2), bytes: 40))
        #expect(!credit.take(task(3), bytes: 50))
        // It would fit, but would overtake.
        #expect(!credit.take(task(4), bytes: 0))
        #expect(credit.take(task(5, of: 2), bytes: 90), "another worker's")
        #expect(credit.release(2, from: 1).isEmpty)
        #expect(credit.release(1, from: 1).map(\.task) == [3, 4])
        #expect(credit.release(3, from: 1).isEmpty)
        #expect(credit.take(task(6), bytes: 100))
    }

    @Test func aPictureOverTheLimitGoesAlone() {
        let credit = Box()
        #expect(credit.take(task(1), bytes: 1000))
        #expect(!credit.take(task(2), bytes: 1))
        #expect(credit.release(1, from: 1).map(\.task) == [2])
    }

    @Test func whatNobodyHoldsFreesNothing() {
        let credit = Box()
        #expect(credit.take(task(1), bytes: 100))
        #expect(!credit.take(task(2), bytes: 100))
        #expect(credit.release(7, from: 1).isEmpty)
        #expect(credit.release(1, from: 9).isEmpty)
        #expect(credit.release(2, from: 1).isEmpty)
        #expect(credit.release(1, from: 1).map(\.task) == [2])
    }

    @Test func whatWaitsCanBeWithdrawnAndALostWorkerHoldsNothing() {
        let credit = Box()
        #expect(credit.take(task(1), bytes: 100))
        #expect(!credit.take(task(2), bytes: 100))
        #expect(!credit.withdraw(1, from: 1), "it was sent")
        #expect(credit.withdraw(2, from: 1))
        #expect(!credit.withdraw(2, from: 1))
        #expect(credit.release(1, from: 1).isEmpty)
        #expect(credit.take(task(3), bytes: 100))
        #expect(!credit.take(task(4), bytes: 100))
        credit.forget(1)
        #expect(credit.take(task(5), bytes: 100))
    }
}

/// `#expect` takes no mutating calls.
private final class Box {
    private var credit = ByteCredit(limit: 100)
    func take(_ task: RunMachine.Assignment, bytes: Int64) -> Bool { credit.take(task, bytes: bytes) }
    func release(_ task: UInt64, from worker: Int) -> [RunMachine.Assignment] { credit.release(task, from: worker) }
    func withdraw(_ task: UInt64, from worker: Int) -> Bool { credit.withdraw(task, from: worker) }
    func forget(_ worker: Int) { credit.forget(worker) }
}
