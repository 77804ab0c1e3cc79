extension RunMachine {
    /// Opens an item. A stage whose result is known is not computed; a transient one only if a consumer must be.
    mutating func open(_ id: ItemID, known: Set<Int>, declined: Set<Int>, _ actions: inout [Action]) {
        precondition(items[id] == nil, "item \(id) opened twice")
        var item = Item(jobs: stages.map { _ in Job() })
        var needed = Set<Int>()
        for stage in stages.indices.reversed() {
            let plan = stages[stage]
            if declined.contains(stage) {
                let port = plan.requiredPorts.first { !$0.isEmpty && declined.isSuperset(of: $0) }
                item.jobs[stage].state = .settled(.declined(because: port.map(list)))
            } else if !known.contains(stage) || (plan.transient && needed.contains(stage)) {
                needed.formUnion(plan.tensorDependencies)
            } else if plan.conditional {
                item.jobs[stage].known = true
            } else {
                item.jobs[stage].state = .settled(recalled(stage))
            }
        }
        items[id] = item
        advance(id, &actions)
    }

    private func recalled(_ stage: Int) -> Settlement { stages[stage].transient ? .notNeeded : .known }

    private func list(_ stages: [Int]) -> String { stages.map { names[$0] }.joined(separator: ", ") }

    mutating func settle(_ id: ItemID, _ stage: Int, _ settlement: Settlement, _ actions: inout [Action]) {
        items[id]!.jobs[stage].state = .settled(settlement)
        if settlement.isFailure, !stages[stage].optional { fail(id, because: names[stage], &actions) }
        advance(id, &actions)
    }

    /// Goes on with a stage once it is known whether it is to run; an answer that comes too late changes nothing.
    mutating func decide(_ id: ItemID, _ stage: Int, runs: Bool, _ actions: inout [Action]) {
        guard let job = items[id]?.jobs[stage], case .deciding = job.state else { return }
        if !runs {
            settle(id, stage, .declined(because: nil), &actions)
        } else if job.known {
            settle(id, stage, recalled(stage), &actions)
        } else {
            begin(id, stage, &actions)
        }
    }

    /// A required stage failed: nothing more is started for the item, and what runs is cancelled.
    private mutating func fail(_ id: ItemID, because culprit: String, _ actions: inout [Action]) {
        items[id]!.failing = true
        for stage in stages.indices {
            switch items[id]!.jobs[stage].state {
            case .settled: continue
            case .running(let worker, let task, let expires):
                actions.append(.cancel(task, attempt: items[id]!.jobs[stage].sends, worker: worker))
                retire(task, of: worker, expires: expires)
            case .waiting, .deciding, .queued: break
            }
            items[id]!.jobs[stage].state = .settled(.skipped(because: culprit))
        }
    }

    /// Starts what has become possible and closes the item once all is settled.
    private mutating func advance(_ id: ItemID, _ actions: inout [Action]) {
        for stage in stages.indices {
            guard case .waiting = items[id]!.jobs[stage].state else { continue }
            let inputs = stages[stage].dependencies.map { items[id]!.jobs[$0].state }
            guard inputs.allSatisfy({ if case .settled = $0 { true } else { false } }) else { continue }
            if let port = stages[stage].requiredPorts.first(where: { isDeclined(id, allOf: $0) }) {
                return settle(id, stage, .declined(because: list(port)), &actions)
            }
            if stages[stage].conditional {
                items[id]!.jobs[stage].state = .deciding
                actions.append(.decide(id, stage: stage))
            } else if !begin(id, stage, &actions) {
                return
            }
        }
        if items[id]!.jobs.allSatisfy({ if case .settled = $0.state { true } else { false } }), !items[id]!.closed {
            items[id]!.closed = true
            actions.append(.close(id))
        }
    }

    /// Queues a stage, or settles it where a port that must be fed is not; then false.
    @discardableResult
    private mutating func begin(_ id: ItemID, _ stage: Int, _ actions: inout [Action]) -> Bool {
        if let port = stages[stage].requiredPorts.first(where: { !hasResult(id, anyOf: $0) }) {
            settle(id, stage, .skipped(because: list(port)), &actions)
            return false
        }
        enqueue(id, stage)
        return true
    }

    private func isDeclined(_ id: ItemID, allOf stages: [Int]) -> Bool {
        !stages.isEmpty
            && stages.allSatisfy { if case .settled(.declined) = items[id]!.jobs[$0].state { true } else { false } }
    }

    private func hasResult(_ id: ItemID, anyOf stages: [Int]) -> Bool {
        stages.contains {
            if case .settled(let settlement) = items[id]!.jobs[$0].state { settlement.hasResult } else { false }
        }
    }
}

extension RunMachine.Settlement {
    /// The stage has words or features for its consumers.
    public var hasResult: Bool {
        switch self {
        case .succeeded, .known, .notNeeded: true
        case .failed, .skipped, .declined: false
        }
    }

    /// The stage should have had a result, and has none.
    var isFailure: Bool {
        switch self {
        case .failed, .skipped: true
        case .succeeded, .known, .notNeeded, .declined: false
        }
    }
}
