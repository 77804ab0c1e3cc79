extension RunMachine {
    /// Opens an item. A stage whose result is known is not computed; a transient one only if a consumer must be.
    mutating func open(_ id: ItemID, known: Set<Int>, _ actions: inout [Action]) {
        precondition(items[id] == nil, "item \(id) opened twice")
        var item = Item(jobs: stages.map { _ in Job() })
        var needed = Set<Int>()
        for stage in stages.indices.reversed() {
            if !known.contains(stage) || (stages[stage].transient && needed.contains(stage)) {
                needed.formUnion(stages[stage].tensorDependencies)
            } else {
                item.jobs[stage].state = .settled(stages[stage].transient ? .notNeeded : .known)
            }
        }
        items[id] = item
        advance(id, &actions)
    }

    mutating func settle(_ id: ItemID, _ stage: Int, _ settlement: Settlement, _ actions: inout [Action]) {
        items[id]!.jobs[stage].state = .settled(settlement)
        if !settlement.hasResult, !stages[stage].optional { fail(id, because: names[stage], &actions) }
        advance(id, &actions)
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
            case .waiting, .queued: break
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
            if let port = stages[stage].requiredPorts.first(where: { !hasResult(id, anyOf: $0) }) {
                let missing = port.map { names[$0] }.joined(separator: ", ")
                settle(id, stage, .skipped(because: missing), &actions)
                return
            }
            enqueue(id, stage)
        }
        if items[id]!.jobs.allSatisfy({ if case .settled = $0.state { true } else { false } }), !items[id]!.closed {
            items[id]!.closed = true
            actions.append(.close(id))
        }
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
        case .failed, .skipped: false
        }
    }
}
