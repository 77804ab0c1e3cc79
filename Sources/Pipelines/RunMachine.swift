/// The order of a run's work, as a pure state machine: events in, actions out, the clock passed in.
///
/// It knows stages by index, items and tasks by number, workers by number; it holds no pictures, no results and no
/// sockets. Promises: a worker never holds more tasks than its credit; a task has one live attempt; an item closes once.
public struct RunMachine: Sendable {
    public typealias ItemID = UInt64
    public typealias TaskID = UInt64
    public typealias WorkerID = Int
    /// Time since the run began.
    public typealias Instant = Duration

    /// What the machine must know of a stage.
    public struct StagePlan: Sendable {
        /// Stages that it waits for, by index; each earlier in the order.
        public var dependencies: [Int]
        /// Of these, the stages whose tensors it reads.
        public var tensorDependencies: [Int]
        /// Ports that must have at least one result: each a set of the stages bound to it.
        public var requiredPorts: [[Int]]
        /// A failure leaves the item `partial`, not `failed`.
        public var optional: Bool
        /// Time a worker has for one task.
        public var deadline: Duration
        /// The result holds tensors: it is not kept in the ledger and is computed again when a consumer needs it.
        public var transient: Bool
        /// Whether it is run is decided, item by item, once all that it waits for is settled.
        public var conditional: Bool
        /// The stage whose workers serve it; nil: it has its own.
        public var pool: Int?

        public init(
            dependencies: [Int], tensorDependencies: [Int] = [], requiredPorts: [[Int]] = [], optional: Bool = false,
            deadline: Duration,
            transient: Bool = false, conditional: Bool = false, pool: Int? = nil
        ) {
            self.dependencies = dependencies
            self.tensorDependencies = tensorDependencies
            self.requiredPorts = requiredPorts
            self.optional = optional
            self.deadline = deadline
            self.transient = transient
            self.conditional = conditional
            self.pool = pool
        }
    }

    public enum Event: Sendable {
        /// An item to work on; stages in `known` have a result in the ledger, those in `declined` are not to be run.
        case opened(ItemID, known: Set<Int>, declined: Set<Int> = [])
        /// The answer to `decide`.
        case decided(ItemID, stage: Int, runs: Bool)
        case workerReady(WorkerID, stage: Int, credit: Int)
        /// The worker is gone; `reason` becomes part of the message if an item fails for it.
        case workerLost(WorkerID, reason: String)
        case succeeded(TaskID, attempt: Int, by: WorkerID)
        case failed(TaskID, attempt: Int, by: WorkerID, StageError, retryable: Bool)
        /// `logs`: how the logs of the workers end that are `overdue`, for the message if an item fails for it.
        case tick(logs: [WorkerID: String] = [:])
    }

    public struct Assignment: Sendable, Equatable {
        public let task: TaskID
        public let attempt: Int
        public let item: ItemID
        public let stage: Int
        public let worker: WorkerID
        public let lease: Duration
    }

    public enum Action: Sendable, Equatable {
        case send(Assignment)
        /// All that a conditional stage waits for is settled: is it to run?
        case decide(ItemID, stage: Int)
        case cancel(TaskID, attempt: Int, worker: WorkerID)
        /// The lease of a task ran out: the worker is taken for hung.
        case kill(WorkerID, reason: String)
        /// Every stage of the item is settled.
        case close(ItemID)
    }

    /// How a stage of an item ended.
    public enum Settlement: Sendable, Equatable {
        case succeeded(attempts: Int)
        /// Taken from the ledger.
        case known
        /// Its result is in the ledger but for its tensors, which nothing needed.
        case notNeeded
        case failed(StageError, attempts: Int)
        /// A stage that it needs, or another required stage, failed first.
        case skipped(because: String)
        /// Not run, and that is no failure: its condition is false, or a stage that it needs was declined.
        case declined(because: String?)
    }

    struct Job {
        enum State {
            case waiting, deciding, queued
            case running(WorkerID, TaskID, expires: Instant)
            case settled(Settlement)
        }
        var state: State = .waiting
        /// Its result is in the ledger, should it be wanted.
        var known = false
        /// Attempts that count against the item.
        var attempts = 0
        /// Goes up with every send, so that a late answer of a former attempt is known.
        var sends = 0
        /// Was in a worker's hands when that worker died or hung: tried alone from now on.
        var suspicion: Suspicion?
    }

    /// Who may try a suspect: a worker that became ready after the one that it is suspected of was lost, so that nothing
    /// which happened in a worker before is held against an item; any worker, should no successor come.
    struct Suspicion {
        let after: Int
        let until: Instant

        func allows(_ worker: Worker, at now: Instant) -> Bool { worker.number > after || now >= until }
    }

    struct Item {
        var jobs: [Job]
        var failing = false
        var closed = false
    }

    struct Worker {
        let stage: Int
        let credit: Int
        /// Counts the workers that became ready.
        let number: Int
        var tasks: [TaskID] = []
        var alone = false
    }

    public let stages: [StagePlan]
    public let names: [String]
    /// A task is tried this often before its item fails.
    public let maxAttempts: Int

    var items: [ItemID: Item] = [:]
    var workers: [WorkerID: Worker] = [:]
    var tasks: [TaskID: (item: ItemID, stage: Int)] = [:]
    /// Cancelled tasks that still fill a worker's credit, until it answers or their lease ends.
    var cancelled: [TaskID: (worker: WorkerID, expires: Instant)] = [:]
    /// Items waiting for a worker of the stage, oldest first.
    var queues: [Queue]
    /// Those of them that are suspects.
    var suspects: [[ItemID]]
    var workersSeen = 0
    var nextTask: TaskID = 1

    public init(stages: [StagePlan], names: [String], maxAttempts: Int = 3) {
        precondition(stages.count == names.count)
        self.stages = stages
        self.names = names
        self.maxAttempts = maxAttempts
        queues = stages.map { _ in Queue() }
        suspects = stages.map { _ in [] }
    }

    /// Items opened and not yet closed.
    public var openItems: Int { items.count }

    /// How each stage of an item ended; nil for a stage that has not. Valid from `close` until `forget`.
    public func settlements(of item: ItemID) -> [Settlement?] {
        items[item]?.jobs.map { if case .settled(let settlement) = $0.state { settlement } else { nil } } ?? []
    }

    /// Drops a closed item.
    public mutating func forget(_ item: ItemID) { items[item] = nil }

    /// The next moment at which `tick` has something to do: the earliest lease end.
    public func nextDeadline() -> Instant? {
        var earliest = cancelled.values.map(\.expires).min()
        for (item, stage) in tasks.values {
            if case .running(_, _, let expires)? = items[item]?.jobs[stage].state {
                earliest = min(earliest ?? expires, expires)
            }
        }
        return earliest
    }

    /// The workers that hold a task past its lease: the next `tick` gives them up.
    public func overdue(at now: Instant) -> Set<WorkerID> {
        var late: Set<WorkerID> = []
        for (item, stage) in tasks.values {
            if case .running(let worker, _, let expires)? = items[item]?.jobs[stage].state, expires <= now {
                late.insert(worker)
            }
        }
        return late
    }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions: [Action] = []
        switch event {
        case .opened(let id, let known, let declined):
            open(id, known: known, declined: declined, &actions)
        case .decided(let id, let stage, let runs):
            decide(id, stage, runs: runs, &actions)
        case .workerReady(let id, let stage, let credit):
            workersSeen += 1
            workers[id] = Worker(stage: stage, credit: max(1, credit), number: workersSeen)
        case .workerLost(let id, let reason):
            lose(id, reason: reason, at: now, &actions)
        case .succeeded(let task, let attempt, let worker):
            if let (item, stage) = release(task, attempt: attempt, from: worker) {
                settle(item, stage, .succeeded(attempts: items[item]!.jobs[stage].attempts + 1), &actions)
            }
        case .failed(let task, let attempt, let worker, let error, let retryable):
            if let (item, stage) = release(task, attempt: attempt, from: worker) {
                blame(item, stage, error, retryable: retryable, &actions)
            }
        case .tick(let logs):
            expire(at: now, logs, &actions)
        }
        for stage in stages.indices { assign(stage, at: now, &actions) }
        return actions
    }
}
