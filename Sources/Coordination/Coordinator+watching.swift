import Foundation
import Pipelines

/// What others may know of a run while it goes on.
extension Coordinator {
    func snapshot(_ state: RunSnapshot.State) -> RunSnapshot {
        let now = now
        let workers = crew.links.values.sorted { $0.id < $1.id }.map { link in
            RunSnapshot.Worker(
                name: link.name, stage: link.stage, pid: Int(link.process?.identifier ?? 0), phase: "\(link.phase)",
                silent: max(0, (now - link.heard).inSeconds),
                tasks: (working ? machine.held(by: link.id) : []).map { held in
                    RunSnapshot.Task(
                        item: open[held.item]?.item.name ?? "", stage: machine.names[held.stage], attempt: held.attempt,
                        lease: (held.expires - now).inSeconds)
                })
        }
        let stages = (bound?.stages ?? []).enumerated().map { index, stage in
            RunSnapshot.Stage(
                name: stage.name, waiting: working ? machine.waiting[index] : 0, answered: working ? answered[index] : 0)
        }
        return RunSnapshot(
            schema: "lorgnette.status/1", pipeline: pipeline.name, state: state, pid: Int(getpid()), elapsed: now.inSeconds,
            inputs: Dictionary(uniqueKeysWithValues: ItemStatus.allCases.map { ($0.rawValue, status[$0]) }),
            kept: status.kept, open: open.count, dropped: crew.dropped, stages: stages, workers: workers)
    }

    /// A line of the run's log.
    func tell(
        _ event: String, worker: RunMachine.WorkerID, task: RunMachine.TaskID? = nil, attempt: Int? = nil,
        error: StageError? = nil, message: String? = nil
    ) {
        guard let desk = settings.desk else { return }
        var line = RunDesk.Event(event: event)
        line.worker = workerNames[worker] ?? crew.links[worker]?.name
        line.stage = line.worker.flatMap { name in pipeline.staffed.first { name.hasPrefix($0.name + ".") }?.name }
        line.message = error?.message ?? message
        line.code = error?.code
        if let task {
            guard let work = machine.work(on: task, attempt: attempt ?? 0, by: worker) else { return }
            line.item = open[work.item]?.item.name
            line.stage = machine.names[work.stage]
            line.attempt = attempt
        }
        desk.tell(line)
    }
}
