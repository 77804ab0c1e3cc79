import Glibc

/// Tasks between the socket's owner and the compute threads, who sleep while there are none.
final class TaskQueue: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let filled = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var waiting: [ExpertTask] = []
    private var working: [ExpertTask.Key: ExpertTask] = [:]
    private var isClosed = false

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(filled, nil)
    }

    deinit {
        pthread_cond_destroy(filled)
        pthread_mutex_destroy(mutex)
        filled.deallocate()
        mutex.deallocate()
    }

    private func locked<R>(_ body: () -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    func put(_ task: ExpertTask) {
        locked {
            waiting.append(task)
            pthread_cond_signal(filled)
        }
    }

    /// Waits for a task; nil once the queue is closed.
    func next() -> ExpertTask? {
        locked {
            while waiting.isEmpty && !isClosed { pthread_cond_wait(filled, mutex) }
            guard !isClosed else { return nil }
            let task = waiting.removeFirst()
            working[task.key] = task
            return task
        }
    }

    func done(_ task: ExpertTask) { locked { working[task.key] = nil } }

    /// Marks the task. True if it was still waiting and is now out of the queue, so that nobody else will answer for it.
    func cancel(_ key: ExpertTask.Key) -> Bool {
        locked {
            working[key]?.cancel()
            guard let index = waiting.firstIndex(where: { $0.key == key }) else { return false }
            waiting.remove(at: index).cancel()
            return true
        }
    }

    /// Ends the compute threads after what they work on, which is marked as cancelled.
    func close() {
        locked {
            isClosed = true
            waiting = []
            for task in working.values { task.cancel() }
            pthread_cond_broadcast(filled)
        }
    }
}
