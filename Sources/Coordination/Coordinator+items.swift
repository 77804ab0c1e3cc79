import Foundation
import Pipelines
import Wire

extension Coordinator {
    /// Opens an item, or passes its refusal on.
    func admit(_ item: PreparedItem) {
        if let refusal = item.refusal { return finish(item, item.line(refused: refusal)) }
        let stages = bound.stages
        var found = [OpenItem.Found?](repeating: nil, count: stages.count)
        var resultKeys = [[UInt8]?](repeating: nil, count: stages.count)
        for (index, kept) in item.recollection.kept {
            guard let outcome = try? Lorgnette_V1_Outcome(serializedBytes: kept.outcome) else { continue }
            found[index] = OpenItem.Found(
                outcome: outcome, payloads: [], models: models[stages[index].staff] ?? [], seconds: 0, cached: true)
            resultKeys[index] = kept.key
        }
        let known = Set(found.indices.filter { found[$0] != nil })
        let id = nextItem
        nextItem += 1
        open[id] = OpenItem(item: item, keys: keys.asking(item.question), found: found, resultKeys: resultKeys)
        perform(machine.handle(.opened(id, known: known, declined: item.recollection.declined), at: now))
    }

    func perform(_ actions: [RunMachine.Action]) {
        for action in actions {
            switch action {
            case .send(let assignment):
                let size = open[assignment.item]?.sentBytes(assignment, of: bound) ?? 0
                if bytes.take(assignment, bytes: size) { send(assignment) }
            case .decide(let id, let stage): decide(id, stage)
            case .cancel(let task, let attempt, let worker) where bytes.withdraw(task, from: worker):
                let error = StageError(code: "cancelled", message: "cancelled before it was sent")
                let event = RunMachine.Event.failed(task, attempt: attempt, by: worker, error, retryable: true)
                perform(machine.handle(event, at: now))
            case .cancel(let task, let attempt, let worker):
                var cancel = Lorgnette_V1_Cancel()
                cancel.task = task
                cancel.attempt = UInt32(attempt)
                _ = crew.send(.cancel(cancel), to: worker, now: now)
            case .kill(let worker, let reason):
                credits[worker] = nil
                bytes.forget(worker)
                tell("lease_ended", worker: worker, message: reason)
                observer.note("\(reason); its worker is ended and replaced")
                crew.kill(worker, reason: reason, now: now)
            case .close(let id):
                close(id)
            }
        }
    }

    private func decide(_ id: RunMachine.ItemID, _ stage: Int) {
        guard let item = open[id] else { return }
        let condition = bound.stages[stage].stage.when
        let runs = condition.map { item.holds($0, machine.settlements(of: id), of: bound) } ?? true
        // What a former run kept of it is given to nobody.
        if !runs { (open[id]!.found[stage], open[id]!.resultKeys[stage]) = (nil, nil) }
        perform(machine.handle(.decided(id, stage: stage, runs: runs), at: now))
    }

    private func send(_ assignment: RunMachine.Assignment) {
        guard let item = open[assignment.item] else { return }
        do {
            let (task, payloads) = try item.task(assignment, of: bound, seed: settings.seed)
            if !crew.send(.task(task), payloads: payloads, to: assignment.worker, now: now) {
                lose(assignment.worker, reason: "its worker could not be reached")
            }
        } catch {
            var failure = StageError(code: "unreadable", message: "\(error)")
            if case .failed(let code, let message) = error as? PictureFile.Refusal {
                failure = StageError(code: code, message: message)
            }
            perform(
                machine.handle(
                    .failed(
                        assignment.task, attempt: assignment.attempt, by: assignment.worker, failure, retryable: false),
                    at: now))
            free(assignment.task, from: assignment.worker)
        }
    }

    /// A worker at an address has answered a task: what waited for its room is sent.
    private func free(_ task: RunMachine.TaskID, from worker: RunMachine.WorkerID) {
        for assignment in bytes.release(task, from: worker) { send(assignment) }
    }

    private func lose(_ worker: RunMachine.WorkerID, reason: String) {
        credits[worker] = nil
        bytes.forget(worker)
        crew.kill(worker, reason: reason, now: now)
        perform(machine.handle(.workerLost(worker, reason: reason), at: now))
    }

    /// A worker's word on a task. What is late, repeated or not its own changes nothing.
    func receive(_ body: Lorgnette_V1_Envelope.OneOf_Body, _ payloads: [Payload], from worker: RunMachine.WorkerID) {
        switch body {
        case .progress(let progress):
            let attempt = Int(progress.attempt)
            guard let work = machine.work(on: progress.task, attempt: attempt, by: worker), work.stage == bound.answer
            else { return }
            observer.progress(progress.text, attempt: attempt)
        case .result(let result):
            let event = accept(result, payloads, from: worker)
            if case .succeeded = event, let work = machine.work(on: result.task, attempt: Int(result.attempt), by: worker) {
                answered[work.stage] += 1
            }
            perform(machine.handle(event, at: now))
            free(result.task, from: worker)
        case .failure(let failure):
            let error = StageError(code: Envelope.code(failure.code), message: failure.message)
            tell("task_failed", worker: worker, task: failure.task, attempt: Int(failure.attempt), error: error)
            perform(
                machine.handle(
                    .failed(
                        failure.task, attempt: Int(failure.attempt), by: worker, error, retryable: failure.retryable),
                    at: now))
            free(failure.task, from: worker)
        default: break
        }
    }

    private func accept(
        _ result: Lorgnette_V1_Result, _ payloads: [Payload], from worker: RunMachine.WorkerID
    ) -> RunMachine.Event {
        let event = RunMachine.Event.succeeded(result.task, attempt: Int(result.attempt), by: worker)
        guard let (id, stage) = machine.work(on: result.task, attempt: Int(result.attempt), by: worker) else {
            return event
        }
        if let complaint = Envelope.complaint(result.outcome, payloads: payloads) {
            let error = StageError(code: "bad_result", message: "worker's result: \(complaint)")
            return .failed(result.task, attempt: Int(result.attempt), by: worker, error, retryable: true)
        }
        open[id]?.found[stage] = OpenItem.Found(
            outcome: result.outcome, payloads: payloads, models: models[bound.stages[stage].staff] ?? [],
            seconds: result.seconds, cached: false)
        let key = open[id]?.key(of: stage, machine.settlements(of: id))
        open[id]?.resultKeys[stage] = key
        // A file that changed since it was hashed must not leave its result under the old hash.
        if let key, let item = open[id], item.isUnchanged, let data = try? result.outcome.serializedData() {
            sink.keep(stage: key, outcome: data)
        }
        return event
    }

    private func close(_ id: RunMachine.ItemID) {
        guard let item = open.removeValue(forKey: id) else { return }
        let settlements = machine.settlements(of: id)
        machine.forget(id)
        if item.isUnchanged {
            finish(item.item, item.line(settlements, of: bound))
        } else {
            let refusal = PictureFile.Refusal.failed(
                code: "changed", message: "the file was changed or removed while it was being worked on")
            finish(item.item, item.item.line(refused: refusal))
        }
    }

    private func finish(_ item: PreparedItem, _ line: ResultLine) {
        status.count(line.status, kept: false)
        if let error = line.error, line.status == .failed { observer.failed(line.item, error) }
        unwritten += 1
        sink.finish(item, line)
    }
}

extension OpenItem {
    /// The file is still the one that was hashed.
    var isUnchanged: Bool { item.picture.map { $0.stamp == PictureFile.stamp(of: item.path) } ?? true }
}
