import Pipelines

/// How many bytes of pictures are with each worker that does not see our files, so that many tasks with large pictures do
/// not pile up in memory: what is over the limit waits unread. Pure.
struct ByteCredit {
    /// For one worker. A single picture may be larger.
    let limit: Int64
    private var held: [RunMachine.WorkerID: [RunMachine.TaskID: Int64]] = [:]
    private var waiting: [RunMachine.WorkerID: [(assignment: RunMachine.Assignment, bytes: Int64)]] = [:]

    init(limit: Int64) { self.limit = limit }

    /// True if the task may be sent now; else it comes out of ``release(_:from:)`` later, in its turn.
    mutating func take(_ assignment: RunMachine.Assignment, bytes: Int64) -> Bool {
        let worker = assignment.worker
        guard waiting[worker] == nil, bytes == 0 || fits(bytes, worker) else {
            waiting[worker, default: []].append((assignment, bytes))
            return false
        }
        if bytes > 0 { held[worker, default: [:]][assignment.task] = bytes }
        return true
    }

    /// A task that a worker answered, and those that may be sent instead.
    mutating func release(_ task: RunMachine.TaskID, from worker: RunMachine.WorkerID) -> [RunMachine.Assignment] {
        held[worker]?[task] = nil
        var free: [RunMachine.Assignment] = []
        while let next = waiting[worker]?.first, next.bytes == 0 || fits(next.bytes, worker) {
            waiting[worker]?.removeFirst()
            if next.bytes > 0 { held[worker, default: [:]][next.assignment.task] = next.bytes }
            free.append(next.assignment)
        }
        if waiting[worker]?.isEmpty == true { waiting[worker] = nil }
        return free
    }

    /// Takes back a task that waits. False if it does not: then the worker has it.
    mutating func withdraw(_ task: RunMachine.TaskID, from worker: RunMachine.WorkerID) -> Bool {
        guard let index = waiting[worker]?.firstIndex(where: { $0.assignment.task == task }) else { return false }
        waiting[worker]?.remove(at: index)
        if waiting[worker]?.isEmpty == true { waiting[worker] = nil }
        return true
    }

    mutating func forget(_ worker: RunMachine.WorkerID) {
        held[worker] = nil
        waiting[worker] = nil
    }

    private func fits(_ bytes: Int64, _ worker: RunMachine.WorkerID) -> Bool {
        let sum = held[worker]?.values.reduce(0, +) ?? 0
        return sum == 0 || sum + bytes <= limit
    }
}
