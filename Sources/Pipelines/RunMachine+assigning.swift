extension RunMachine {
    /// A first-in first-out queue whose front is cheap to take; a suspect goes to the back like anyone.
    struct Queue: Sendable {
        private var elements: [ItemID] = []
        private var head = 0

        var isEmpty: Bool { head == elements.count }
        var count: Int { elements.count - head }
        var first: ItemID? { isEmpty ? nil : elements[head] }

        mutating func append(_ item: ItemID) { elements.append(item) }

        mutating func removeFirst() {
            head += 1
            if head > 1024, head * 2 > elements.count {
                elements.removeFirst(head)
                head = 0
            }
        }
    }

    /// Hands queued items of a stage to its workers, the least busy first, within their credit.
    mutating func assign(_ stage: Int, at now: Instant, _ actions: inout [Action]) {
        while let id = queues[stage].first {
            guard let item = items[id], case .queued = item.jobs[stage].state else {
                queues[stage].removeFirst()  // closed or settled while it waited
                continue
            }
            let suspect = item.jobs[stage].suspect
            guard let worker = freeWorker(for: stage, alone: suspect) else { return }
            queues[stage].removeFirst()
            send(id, stage, to: worker, alone: suspect, at: now, &actions)
        }
    }

    private func freeWorker(for stage: Int, alone: Bool) -> WorkerID? {
        var best: (id: WorkerID, load: Int)?
        let pool = stages[stage].pool ?? stage
        for (id, worker) in workers where worker.stage == pool && !worker.alone {
            let load = worker.tasks.count
            guard load < (alone ? 1 : worker.credit) else { continue }
            if best == nil || (load, id) < (best!.load, best!.id) { best = (id, load) }
        }
        return best?.id
    }

    private mutating func send(
        _ id: ItemID, _ stage: Int, to worker: WorkerID, alone: Bool, at now: Instant, _ actions: inout [Action]
    ) {
        let task = nextTask
        nextTask += 1
        let lease = stages[stage].deadline
        items[id]!.jobs[stage].sends += 1
        items[id]!.jobs[stage].state = .running(worker, task, expires: now + lease)
        workers[worker]!.tasks.append(task)
        workers[worker]!.alone = alone
        tasks[task] = (id, stage)
        actions.append(
            .send(
                Assignment(
                    task: task, attempt: items[id]!.jobs[stage].sends, item: id, stage: stage, worker: worker,
                    lease: lease)))
    }

    /// Takes a task out of a worker's hands; nil if that worker does not hold that attempt of it (late or forged).
    mutating func release(_ task: TaskID, attempt: Int, from worker: WorkerID) -> (item: ItemID, stage: Int)? {
        if cancelled[task]?.worker == worker {
            drop(task, from: worker)
            return nil
        }
        guard let work = work(on: task, attempt: attempt, by: worker) else { return nil }
        drop(task, from: worker)
        return work
    }

    /// The item and stage of a task while this worker holds this attempt of it; nil for what is late, repeated or not
    /// its own.
    public func work(on task: TaskID, attempt: Int, by worker: WorkerID) -> (item: ItemID, stage: Int)? {
        guard let (item, stage) = tasks[task], let job = items[item]?.jobs[stage], job.sends == attempt,
            case .running(worker, task, _) = job.state
        else { return nil }
        return (item, stage)
    }

    mutating func drop(_ task: TaskID, from worker: WorkerID) {
        tasks[task] = nil
        cancelled[task] = nil
        workers[worker]?.tasks.removeAll { $0 == task }
        workers[worker]?.alone = false
    }

    /// A worker died. If it held one task, that task is to blame; if it held several, none is, and each is tried alone.
    mutating func lose(_ id: WorkerID, reason: String, _ actions: inout [Action]) {
        guard let worker = workers.removeValue(forKey: id) else { return }
        for task in worker.tasks {
            cancelled[task] = nil
            guard let (item, stage) = tasks.removeValue(forKey: task) else { continue }
            items[item]!.jobs[stage].suspect = true
            if worker.tasks.count == 1 {
                blame(item, stage, StageError(code: "worker_lost", message: reason), retryable: true, &actions)
            } else {
                enqueue(item, stage)
            }
        }
    }

    /// Counts an attempt against a stage of an item, and tries again or settles it as failed.
    mutating func blame(
        _ item: ItemID, _ stage: Int, _ error: StageError, retryable: Bool, _ actions: inout [Action]
    ) {
        items[item]!.jobs[stage].attempts += 1
        let attempts = items[item]!.jobs[stage].attempts
        if retryable && attempts < maxAttempts && !items[item]!.failing {
            enqueue(item, stage)
        } else {
            settle(item, stage, .failed(error, attempts: attempts), &actions)
        }
    }

    mutating func enqueue(_ item: ItemID, _ stage: Int) {
        items[item]!.jobs[stage].state = .queued
        queues[stage].append(item)
    }

    /// Marks a running task as cancelled: its item is done with it, its worker is not.
    mutating func retire(_ task: TaskID, of worker: WorkerID, expires: Instant) {
        tasks[task] = nil
        cancelled[task] = (worker, expires)
    }

    /// Kills the workers that hold a task past its lease. That task is blamed; its neighbours are not.
    mutating func expire(at now: Instant, _ logs: [WorkerID: String], _ actions: inout [Action]) {
        for (task, holder) in cancelled.sorted(by: { $0.key < $1.key }) where holder.expires <= now {
            dismiss(holder.worker, reason: "cancelled task \(task) was not given back", &actions)
        }
        for (task, (item, stage)) in tasks.sorted(by: { $0.key < $1.key }) {
            guard case .running(let worker, task, let expires)? = items[item]?.jobs[stage].state, expires <= now else {
                continue
            }
            drop(task, from: worker)
            let reason = "no result within \(stages[stage].deadline)"
            let log = logs[worker].flatMap { $0.isEmpty ? nil : "; its worker's log ends: \($0)" } ?? ""
            items[item]!.jobs[stage].suspect = true
            blame(item, stage, StageError(code: "deadline", message: reason + log), retryable: true, &actions)
            dismiss(worker, reason: "\(names[stage]): \(reason)", &actions)
        }
    }

    /// Gives up on a worker; what else it held is tried again elsewhere, without blame.
    private mutating func dismiss(_ id: WorkerID, reason: String, _ actions: inout [Action]) {
        guard let worker = workers.removeValue(forKey: id) else { return }
        for task in worker.tasks {
            cancelled[task] = nil
            guard let (item, stage) = tasks.removeValue(forKey: task) else { continue }
            enqueue(item, stage)
        }
        actions.append(.kill(id, reason: reason))
    }
}
