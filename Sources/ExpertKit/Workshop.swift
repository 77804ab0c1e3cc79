import Wire

/// Where the expert lives: loads it on one compute thread, then answers tasks on as many as it can use.
final class Workshop<Worker: Expert>: Sendable {
    private let queue = TaskQueue()
    private let mailbox: Mailbox
    private let mischief: Mischief?

    init(mailbox: Mailbox, mischief: Mischief? = nil) {
        self.mailbox = mailbox
        self.mischief = mischief
    }

    /// The expert passes from the loading thread to its fellows. With a concurrency over 1, its author has made it fit for that.
    private struct Shared: @unchecked Sendable { let expert: Worker }

    func load(_ options: ExpertOptions) throws(WireError) {
        try DedicatedThread(name: "compute-1") { [self] in
            let shared: Shared
            do {
                var expert: Worker?
                let seconds = try SuspendingClock().measure {
                    let loaded = try Worker(options: options)
                    try loaded.warmUp()
                    expert = loaded
                }
                guard let expert else { return }
                shared = Shared(expert: expert)
                Worker.confinement.limitMemory()
                for number in 1..<max(Worker.description.concurrency, 1) {
                    try DedicatedThread(name: "compute-\(number + 1)") { [self] in work(shared.expert) }.detach()
                }
                mailbox.put(.loaded(credit: expert.credit, models: expert.models, seconds: seconds.inSeconds))
            } catch {
                mailbox.put(.loadFailed(ExpertFailure(error)))
                return
            }
            work(shared.expert)
        }.detach()
    }

    func run(_ task: ExpertTask) { queue.put(task) }

    func cancel(_ key: ExpertTask.Key) {
        if queue.cancel(key) { mailbox.put(.failed(key, .cancelled)) }
    }

    func close() { queue.close() }

    private func work(_ expert: Worker) {
        while let task = queue.next() {
            mischief?.befall(task)
            mailbox.put(Workshop.answer(task, expert))
            queue.done(task)
        }
    }

    private static func answer(_ task: ExpertTask, _ expert: Worker) -> WorkerSession.Event {
        let start = SuspendingClock.now
        do {
            try task.checkTensors()
            let (outcome, payloads) = try expert.answer(task).packed()
            return .finished(task.key, outcome, payloads, seconds: start.duration(to: .now).inSeconds)
        } catch {
            // What an expert throws after a Cancel is its way of stopping.
            return .failed(task.key, task.isCancelled ? .cancelled : ExpertFailure(error))
        }
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
