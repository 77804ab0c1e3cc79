import Glibc
import Synchronization
import Testing

@testable import Tensors

@Suite struct ThreadPoolTests {
    @Test(arguments: [1, 2, 3, 8]) func everyTaskRunsOnce(threads: Int) {
        let pool = ThreadPool(threads: threads)
        for tasks in [0, 1, 2, 3, 7, 64, 1000] {
            let counts = Tensor(1, tasks)
            pool.run(tasks) { counts.data[$0] += 1 }
            #expect(counts.array == [Float](repeating: 1, count: tasks), "\(tasks) tasks")
        }
    }

    /// What tasks that follow one another read lies together: see `Crew.takeTasks`.
    @Test(arguments: [2, 3]) func theCallerTakesTheFirstTasksInOrder(threads: Int) {
        let pool = ThreadPool(threads: threads)
        let caller = pthread_self()
        let (tasks, part) = (60, 60 / threads)
        for _ in 0..<200 {
            var own: [Int] = []
            pool.run(tasks) { if pthread_equal(pthread_self(), caller) != 0 { own.append($0) } }
            // After its part, the last tasks of the helpers', the very last first.
            let expected = Array(0..<part) + (part..<tasks).reversed()
            #expect(own == Array(expected.prefix(own.count)))
        }
    }

    @Test func manyShortLoopsInARow() {
        let pool = ThreadPool(threads: 4)
        let sum = Atomic<Int>(0)
        for _ in 0..<20_000 { pool.run(3) { sum.add($0 + 1, ordering: .relaxed) } }
        #expect(sum.load(ordering: .relaxed) == 120_000)
    }

    @Test func whatTasksWroteIsSeenAfterTheLoop() {
        let pool = ThreadPool(threads: 4)
        let values = Tensor(64)
        for round in 1...500 {
            pool.run(64) { values.data[$0] = Float(round) }
            #expect(values.array.allSatisfy { $0 == Float(round) })
        }
    }

    @Test func aLoopInALoopRunsInline() {
        let pool = ThreadPool(threads: 4)
        let counts = Tensor(8, 8)
        pool.run(8) { i in pool.run(8) { j in counts.row(i)[j] += 1 } }
        #expect(counts.array.allSatisfy { $0 == 1 })
    }

    /// Four threads that use one pool at the same time: none waits for ever, none loses a task.
    @Test func severalCallersAtOnce() {
        let shared = ThreadPool(threads: 3)
        let callers = ThreadPool(threads: 4)
        let counts = Tensor(4, 100)
        callers.run(4) { caller in
            for _ in 0..<200 { shared.run(100) { counts.row(caller)[$0] += 1 } }
        }
        #expect(counts.array.allSatisfy { $0 == 200 })
    }

    /// Both tasks wait for each other, so they must run on two threads at once: helpers are woken when they sleep.
    @Test func helpersWakeUp() {
        let pool = ThreadPool(threads: 2)
        for _ in 0..<50 {
            let arrived = Atomic<Int>(0)
            pool.run(2) { _ in
                arrived.add(1, ordering: .sequentiallyConsistent)
                while arrived.load(ordering: .sequentiallyConsistent) < 2 { sched_yield() }
            }
        }
    }

    @Test func poolsComeAndGo() {
        for _ in 0..<100 {
            let pool = ThreadPool(threads: 3)
            let sum = Atomic<Int>(0)
            pool.run(10) { sum.add($0, ordering: .relaxed) }
            #expect(sum.load(ordering: .relaxed) == 45)
        }
    }

    @Test func threadsAskedFor() {
        #expect(ThreadPool.count(asked: "3") == 3)
        #expect(ThreadPool.count(asked: nil) >= 1)
        #expect(ThreadPool.count(asked: "0") == ThreadPool.count(asked: nil))
        #expect(ThreadPool.count(asked: "many") == ThreadPool.count(asked: nil))
        #expect(ThreadPool(threads: 0).threads == 1)
        #expect(ThreadPool.shared.threads >= 1)
    }
}
