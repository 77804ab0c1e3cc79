extension RunMachine {
    /// A task in a worker's hands.
    public struct Held: Sendable, Equatable {
        public let item: ItemID
        public let stage: Int
        public let attempt: Int
        /// When its lease ends.
        public let expires: Instant
    }

    /// Items that wait for a worker, by stage.
    public var waiting: [Int] { zip(queues, suspects).map { $0.count + $1.count } }

    /// What a worker holds, in the order in which it was sent.
    public func held(by worker: WorkerID) -> [Held] {
        (workers[worker]?.tasks ?? []).compactMap { task in
            guard let (item, stage) = tasks[task], let job = items[item]?.jobs[stage],
                case .running(_, task, let expires) = job.state
            else { return nil }
            return Held(item: item, stage: stage, attempt: job.sends, expires: expires)
        }
    }
}
