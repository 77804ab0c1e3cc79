import Foundation
import Pipelines
import Wire

/// Runs a pipeline over items: the loop that ties the crew, the run's state machine, a feed and a sink together.
///
/// `run` must be called on a thread of its own (never on Swift's cooperative pool), which owns everything here;
/// `interrupt` may be called from anywhere.
public final class Coordinator {
    public struct Settings: Sendable {
        public var seed: UInt64 = 1
        /// Items worked on at the same time; nil: by what the workers can hold.
        public var window: Int?
        /// Folder for the workers' logs.
        public var logs: String
        /// The run ends once every expert has said Hello and the pipeline is bound: no model is loaded, no item opened.
        public var checkOnly = false
        /// Who is told of the run while it goes on; nil: nobody.
        public var desk: RunDesk?
        /// Where our key and those of workers on other machines lie.
        public var keys = KeyFolder.home
        /// Bytes of pictures that may be with one worker at an address at the same time.
        var remoteBytes = Int64(WireLimits().maxMessageBytes)
        /// Faults to inject on purpose; nil: none.
        public var chaos: Chaos?

        public init(logs: String) { self.logs = logs }
    }

    let pipeline: Pipeline
    let settings: Settings
    let feed: any Feed
    let sink: any Sink
    let observer: any RunObserver
    let mailbox: Mailbox
    private let locator: ExpertLocator
    private let clock = SuspendingClock()
    private let begin: SuspendingClock.Instant

    var crew: Crew!
    var bound: BoundPipeline!
    var machine: RunMachine!
    var keys: StageKeys!
    var models: [String: [Lorgnette_V1_Model]] = [:]
    var credits: [RunMachine.WorkerID: (stage: String, credit: Int)] = [:]
    var open: [RunMachine.ItemID: OpenItem] = [:]
    lazy var bytes = ByteCredit(limit: settings.remoteBytes)
    var nextItem: RunMachine.ItemID = 1
    var status = RunStatus()
    /// Results so far, by stage, and the names of workers that were ready once: for the desk.
    var answered: [Int] = []
    var workerNames: [RunMachine.WorkerID: String] = [:]
    var unwritten = 0
    var feedEnded = false
    var working = false

    public init(
        pipeline: Pipeline, settings: Settings, feed: any Feed, sink: any Sink, observer: any RunObserver,
        locator: ExpertLocator = ExpertLocator(), mailbox: Mailbox
    ) {
        self.pipeline = pipeline
        self.settings = settings
        self.feed = feed
        self.sink = sink
        self.observer = observer
        self.locator = locator
        self.mailbox = mailbox
        begin = clock.now
    }

    /// What the bound pipeline is warned of; empty before every expert has said Hello.
    public var warnings: [Fault] { bound?.warnings ?? [] }

    var now: Duration { begin.duration(to: clock.now) }

    /// Works until the feed has ended and every result is written, or until interrupted. Nothing is lost either way.
    /// - Throws: `Faults` of the pipeline against its experts, `CoordinationError`, `WireError`.
    public func run() throws -> RunStatus {
        try OpenFiles.ensure(workers: pipeline.stages.reduce(0) { $0 + $1.workers })
        crew = try Crew(
            pipeline: pipeline, locator: locator, logs: settings.logs, patience: Crew.Patience(), keys: settings.keys,
            chaos: settings.chaos)
        defer { crew.dismiss(now: now) }
        do {
            try crew.start(now: now)
            try loop()
        } catch {
            feed.stop()
            if working { try? sink.close() }
            settings.desk?.end(snapshot(.failed))
            throw error
        }
        feed.stop()
        if working { try sink.close() }
        status.elapsed = now
        settings.desk?.end(snapshot(status.interrupted ? .interrupted : .done))
        return status
    }

    private func loop() throws {
        var last = now
        var poller = EagerPoller()
        while !isDone {
            _ = try poller.wait(crew.socket, waker: mailbox.waker, timeout: pause())
            let gap = now - last
            if gap > .seconds(3) { crew.forgive(gap) }
            last = now
            for event in try crew.receive(now: now) { try handle(event) }
            for letter in mailbox.take() { try handle(letter) }
            for event in try crew.tick(now: now) { try handle(event) }
            if working { perform(machine.handle(.tick(logs: logsOfTheOverdue()), at: now)) }
            status.elapsed = now
            status.open = open.count
            observer.update(status)
            settings.desk?.renew(at: now) { snapshot(.running) }
        }
    }

    private var isDone: Bool {
        if status.interrupted || (settings.checkOnly && bound != nil) { return true }
        return working && feedEnded && open.isEmpty && unwritten == 0
    }

    /// How the logs of the workers end whose time is over.
    private func logsOfTheOverdue() -> [RunMachine.WorkerID: String] {
        Dictionary(uniqueKeysWithValues: machine.overdue(at: now).map { ($0, crew.logTail($0)) })
    }

    private func pause() -> Duration {
        let lease = working ? machine.nextDeadline().map { max(.zero, $0 - now) } : nil
        return min(lease ?? .milliseconds(50), .milliseconds(50))
    }

    private func handle(_ event: Crew.Event) throws {
        switch event {
        case .greeted(let descriptions):
            bound = try pipeline.bound(to: descriptions)
            if let stage = bound.stagesWithoutQuestion.first, !settings.checkOnly {
                let message = "stage \(stage) needs a question: write ask: in the file, or use --ask"
                throw Faults(faults: [Fault(file: pipeline.file, key: "ask", message: message)])
            }
            if !settings.checkOnly { crew.welcome(bound, now: now) }
        case .ready(let worker, let stage, let credit, let models):
            if let former = self.models.updateValue(models, forKey: stage), former != models {
                throw CoordinationError.refused(
                    stage: stage,
                    message: "its models changed during the run: \(former.fingerprints), then \(models.fingerprints)")
            }
            credits[worker] = (stage, credit)
            workerNames[worker] = crew.links[worker]?.name
            tell("worker_ready", worker: worker)
            if working {
                introduce(worker)
            } else if self.models.count == pipeline.staffed.count {
                begin(with: bound)
            }
        case .lost(let worker, let reason):
            credits[worker] = nil
            bytes.forget(worker)
            tell("worker_lost", worker: worker, message: reason)
            if working { perform(machine.handle(.workerLost(worker, reason: reason), at: now)) }
        case .message(let worker, let body, let payloads):
            if working { receive(body, payloads, from: worker) }
        }
    }

    /// Every stage has a worker that is ready: the first item may come.
    private func begin(with bound: BoundPipeline) {
        keys = StageKeys(
            bound.stages.map { stage in
                let takesQuestion = stage.description.inputs.contains { $0.kind == .question }
                return (
                    stage.name,
                    StageKeys.Ingredients(
                        expert: stage.description.service, software: stage.description.software,
                        models: models[stage.staff]?.fingerprints ?? [], options: stage.options,
                        question: takesQuestion ? stage.question ?? "" : nil, sharesQuestion: stage.sharesQuestion,
                        seed: settings.seed,
                        inputs: stage.inputs.map { ($0.port, $0.stages.compactMap(bound.index)) },
                        requiredPorts: stage.requiredPorts(in: bound), condition: stage.stage.when)
                )
            })
        machine = RunMachine(stages: bound.stages.map { $0.plan(in: bound) }, names: bound.stages.map(\.name))
        answered = bound.stages.map { _ in 0 }
        working = true
        for worker in credits.keys.sorted() { introduce(worker) }
        let mailbox = mailbox
        sink.start(keys: keys) { count, failure in mailbox.put(.written(count, failure)) }
        feed.start(keys: keys) { mailbox.put(.feed($0)) }
        feed.grant(settings.window ?? max(8, min(256, 2 * credits.values.reduce(0) { $0 + $1.credit })))
    }

    private func introduce(_ worker: RunMachine.WorkerID) {
        guard let (stage, credit) = credits[worker], let index = bound.index(of: stage) else { return }
        perform(machine.handle(.workerReady(worker, stage: index, credit: credit), at: now))
    }

    private func handle(_ letter: Mailbox.Letter) throws {
        switch letter {
        case .interrupt: status.interrupted = true
        case .written(let count, let failure):
            if let failure { throw failure }
            unwritten -= count
            feed.grant(count)
        case .feed(.kept(let kept)):
            status.count(kept, kept: true)
        case .feed(.finished): feedEnded = true
        case .feed(.failed(let failure)): throw failure
        case .feed(.item(let item)): admit(item)
        }
    }
}

extension BoundStage {
    /// What the state machine must know of the stage.
    func plan(in pipeline: BoundPipeline) -> RunMachine.StagePlan {
        RunMachine.StagePlan(
            dependencies: dependencies,
            tensorDependencies: inputs.filter { $0.kind == .tensor }.flatMap { $0.stages.compactMap(pipeline.index) },
            requiredPorts: requiredPorts(in: pipeline), optional: stage.optional, deadline: stage.deadline,
            transient: description.outputs.contains { $0.kind == .tensor }, conditional: stage.when != nil,
            pool: stage.sharing.flatMap(pipeline.index))
    }

    /// The stages that feed each port that must be fed, by index.
    func requiredPorts(in pipeline: BoundPipeline) -> [[Int]] {
        let required = description.inputs.filter { $0.required && ($0.kind == .tensor || $0.kind == .text) }
        return required.compactMap { port in inputs.first { $0.port == port.name }?.stages.compactMap(pipeline.index) }
    }
}
