import Locks
import Seats

/// Tasks between the socket's owner and the compute threads, who sleep while there are none.
final class TaskQueue: Sendable {
    private struct Tasks {
        var waiting: [ExpertTask] = []
        var working: [ExpertTask.Key: ExpertTask] = [:]
        var isClosed = false
    }

    private let tasks = Monitor(Tasks())
    private let seat = Seat.own

    func put(_ task: ExpertTask) { tasks.change { $0.waiting.append(task) } }

    /// Waits for a task; nil once the queue is closed.
    func next() -> ExpertTask? {
        let next: ExpertTask? = tasks.wait { tasks -> ExpertTask?? in
            if tasks.isClosed { return .some(nil) }
            guard !tasks.waiting.isEmpty else { return nil }
            let task = tasks.waiting.removeFirst()
            tasks.working[task.key] = task
            return task
        }
        if next != nil { seat?.sit() }
        return next
    }

    func done(_ task: ExpertTask) {
        seat?.stand()
        tasks.change { $0.working[task.key] = nil }
    }

    /// Marks the task. True if it was still waiting and is now out of the queue, so that nobody else will answer for it.
    func cancel(_ key: ExpertTask.Key) -> Bool {
        tasks.change { tasks in
            tasks.working[key]?.cancel()
            guard let index = tasks.waiting.firstIndex(where: { $0.key == key }) else { return false }
            tasks.waiting.remove(at: index).cancel()
            return true
        }
    }

    /// Ends the compute threads after what they work on, which is marked as cancelled.
    func close() {
        tasks.change { tasks in
            tasks.isClosed = true
            tasks.waiting = []
            for task in tasks.working.values { task.cancel() }
        }
    }
}
