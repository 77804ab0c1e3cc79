extension RunMachine {
    /// A first-in first-out queue whose front is cheap to take.
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

    /// Hands queued items of a stage to its workers: suspects to idle ones that may try them, which are given nothing else as
    /// long as suspects wait; then the others to the least busy, within their credit.
    mutating func assign(_ stage: Int, at now: Instant, _ actions: inout [Action]) {
        let waiting = suspects[stage].filter { isQueued($0, stage) }
        suspects[stage] = []
        for id in waiting {
            let suspicion = items[id]!.jobs[stage].suspicion
            if let worker = freeWorker(for: stage, where: { $0.tasks.isEmpty && suspicion?.allows($0, at: now) != false }) {
                send(id, stage, to: worker, alone: true, at: now, &actions)
            } else {
                suspects[stage].append(id)
            }
        }
        let suspicions = suspicions(ofPool: pool(of: stage))
        while let id = queues[stage].first {
            if isQueued(id, stage) {
                guard
                    let worker = freeWorker(
                        for: stage,
                        where: { worker in
                            worker.tasks.count < worker.credit && !suspicions.contains { $0.allows(worker, at: now) }
                        })
                else { return }
                send(id, stage, to: worker, alone: false, at: now, &actions)
            }
            // Sent now, or closed or settled while it waited.
            queues[stage].removeFirst()
        }
    }

    private func isQueued(_ id: ItemID, _ stage: Int) -> Bool {
        if case .queued? = items[id]?.jobs[stage].state { true } else { false }
    }

    private func pool(of stage: Int) -> Int { stages[stage].pool ?? stage }

    private func suspicions(ofPool pool: Int) -> [Suspicion] {
        suspects.enumerated().flatMap { stage, ids in
            self.pool(of: stage) == pool ? ids.compactMap { items[$0]?.jobs[stage].suspicion } : []
        }
    }

    private func freeWorker(for stage: Int, where isFit: (Worker) -> Bool) -> WorkerID? {
        var best: (id: WorkerID, load: Int)?
        for (id, worker) in workers where worker.stage == pool(of: stage) && !worker.alone && isFit(worker) {
            let load = worker.tasks.count
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

    /// A worker died. If it held one task, that task is to blame; if it held several, none is, and each is tried alone in a
    /// fresh worker.
    mutating func lose(_ id: WorkerID, reason: String, at now: Instant, _ actions: inout [Action]) {
        guard let worker = workers.removeValue(forKey: id) else { return }
        for task in worker.tasks {
            cancelled[task] = nil
            guard let (item, stage) = tasks.removeValue(forKey: task) else { continue }
            suspect(item, stage, at: now)
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
        if items[item]!.jobs[stage].suspicion == nil { queues[stage].append(item) } else { suspects[stage].append(item) }
    }

    private mutating func suspect(_ item: ItemID, _ stage: Int, at now: Instant) {
        items[item]!.jobs[stage].suspicion = Suspicion(after: workersSeen, until: now + stages[stage].deadline)
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
            suspect(item, stage, at: now)
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
