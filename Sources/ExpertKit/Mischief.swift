import Glibc
import Locks
import Wire

/// What a worker does to itself and to its messages because a coordinator under `--chaos` said so.
final class Mischief: Sendable {
    private let chaos: Chaos
    private let stage: String
    /// Of the tasks that are not answered yet; an answer does not say whose it is.
    private let items = Locked<[ExpertTask.Key: String]>([:])

    /// Nil where the coordinator asked for none.
    /// - Parameters:
    ///   - worker: its name: the stage's, a dot, a number.
    ///   - chaos: the variable of the environment that holds it.
    init?(worker: String, chaos: String?) {
        guard let chaos = chaos.flatMap(Chaos.init(text:)) else { return nil }
        self.chaos = chaos
        stage = worker.lastIndex(of: ".").map { String(worker[..<$0]) } ?? worker
    }

    /// Called on the thread that is about to work on the task.
    func befall(_ task: ExpertTask) {
        items.withLock { $0[task.key] = task.item }
        if strikes(.crash, task) { abort() }
        if strikes(.hang, task) { while true { pause() } }
        if strikes(.slow, task) {
            usleep(UInt32(chaos.delay(stage: stage, item: task.item, attempt: task.attempt) / .microseconds(1)))
        }
        if strikes(.garbage, task) { Noise.make() }
    }

    /// What is sent instead of a message.
    func befall(_ message: Message) -> [Message] {
        let key: ExpertTask.Key
        switch message.envelope.body {
        case .result(let result): key = .init(id: result.task, attempt: result.attempt)
        case .failure(let failure): key = .init(id: failure.task, attempt: failure.attempt)
        default: return [message]
        }
        guard let item = items.withLock({ $0.removeValue(forKey: key) }) else { return [message] }
        return chaos.befall(message, stage: stage, item: item)
    }

    private func strikes(_ fault: Chaos.Fault, _ task: ExpertTask) -> Bool {
        chaos.strikes(fault, stage: stage, item: task.item, attempt: task.attempt)
    }
}
