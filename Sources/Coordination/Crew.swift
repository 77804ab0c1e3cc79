import Foundation
import Glibc
import Pipelines
import Seats
import Wire

/// The workers of a run: started, greeted, watched, restarted with back-off, and ended.
///
/// It owns the one ROUTER socket, so it lives on one thread. It knows nothing of items.
final class Crew {
    enum Event {
        /// Every stage has said Hello once: time to bind the pipeline and `welcome`.
        case greeted([String: ExpertDescription])
        case ready(RunMachine.WorkerID, stage: String, credit: Int, models: [Lorgnette_V1_Model])
        case lost(RunMachine.WorkerID, reason: String)
        /// Progress, Result or Failure of a task.
        case message(RunMachine.WorkerID, Lorgnette_V1_Envelope.OneOf_Body, [Payload])
    }

    /// How patient a crew is.
    struct Patience: Sendable {
        var hello = Duration.seconds(60)
        var load = Duration.seconds(600)
        var heartbeat = Duration.seconds(1)
        var silence = Duration.seconds(15)
        /// Ends in a row without ever getting ready, after which the stage is given up.
        var falseStarts = 5
        var farewell = Duration.seconds(2)
        /// Between SIGTERM and SIGKILL for a worker that is taken for hung.
        var term = Duration.milliseconds(500)
    }

    struct Link {
        enum Phase { case starting, greeted, loading, ready }
        let id: RunMachine.WorkerID
        let name: String
        let stage: String
        let process: ExpertProcess?
        var phase = Phase.starting
        var since: Duration
        var peer: Peer?
        var epoch: UInt64 = 0
        var heard: Duration
        var sent: Duration
    }

    let pipeline: Pipeline
    let patience: Patience
    let chaos: Chaos?
    private let locator: ExpertLocator
    private let logs: String
    private let directory: PrivateDirectory
    private let seats: SeatTable?
    let endpoint: Endpoint
    /// Where the workers of remote stages listen, by stage.
    let addresses: [String: Address]
    /// Of those, the ones that the socket has a link to.
    var connected: Set<String> = []
    let socket: RouterSocket
    let watch: RefusalWatch?

    var links: [RunMachine.WorkerID: Link] = [:]
    var peers: [Peer: RunMachine.WorkerID] = [:]
    private(set) var shutPeers: Set<Peer> = []
    var descriptions: [String: ExpertDescription] = [:]
    var welcomes: [String: Lorgnette_V1_Welcome] = [:]
    var falseStarts: [String: Int] = [:]
    var returns: [(at: Duration, name: String, stage: String)] = []
    /// Given up, and asked to end by themselves until then.
    var leaving: [(link: Link, until: Duration)] = []
    private var nextWorker = 0
    /// Messages that made no sense: malformed, late, of a former epoch, of a stranger.
    var dropped = 0

    init(
        pipeline: Pipeline, locator: ExpertLocator, logs: String, patience: Patience, keys: KeyFolder = .home, chaos: Chaos? = nil
    ) throws {
        addresses = try Crew.addresses(of: pipeline.stages, keys: keys)
        self.pipeline = pipeline
        self.locator = locator
        self.logs = logs
        self.patience = patience
        self.chaos = chaos
        directory = try PrivateDirectory()
        endpoint = try directory.endpoint("workers")
        let context = try ZMQContext()
        socket = try RouterSocket(context)
        watch = addresses.values.contains { $0.keys != nil } ? try RefusalWatch(socket, context) : nil
        try socket.bind(endpoint)
        seats = SeatTable(path: "\(directory.path)/seats")
        mkdir(logs, 0o755)
    }

    /// Starts every worker that the pipeline asks for.
    func start(now: Duration) throws(CoordinationError) {
        for stage in pipeline.staffed {
            _ = try locator.command(for: stage)  // all that is missing is found before anything starts
        }
        for stage in pipeline.staffed {
            for index in 0..<stage.workers { try enlist("\(stage.name).\(index)", stage, now: now) }
        }
    }

    private func enlist(_ name: String, _ stage: Stage, now: Duration) throws(CoordinationError) {
        var process: ExpertProcess?
        let peer = try connect(stage)
        if peer == nil, let command = try locator.command(for: stage) {
            process = try ExpertProcess.spawn(
                name: name, command: command,
                environment: [
                    "LORGNETTE_CONNECT": endpoint.text, "LORGNETTE_WORKER": name, "LORGNETTE_PARENT": "\(getpid())",
                    Chaos.variable: chaos?.text ?? "",
                    // A worker computes with its own bounded threads, fewer while others compute; libraries must not add theirs.
                    Seat.variable: seats?.seat(of: name) ?? "",
                    "OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1",
                ], log: "\(logs)/\(name).log")
        }
        nextWorker += 1
        links[nextWorker] = Link(
            id: nextWorker, name: name, stage: stage.name, process: process, since: now, peer: peer, heard: now,
            sent: now)
    }

    /// Sends the stages' options to all who said Hello; who comes later gets them at once.
    func welcome(_ bound: BoundPipeline, now: Duration) {
        for stage in bound.stages where stage.staff == stage.name {
            var welcome = Lorgnette_V1_Welcome()
            welcome.stage = stage.name
            welcome.options = Envelope.options(stage.options)
            welcome.heartbeatMs = UInt32(clamping: patience.heartbeat.milliseconds)
            welcome.livenessMs = UInt32(clamping: patience.silence.milliseconds)
            welcome.maxMessageBytes = UInt64(WireLimits().maxMessageBytes)
            welcomes[stage.name] = welcome
        }
        for id in links.keys where links[id]!.phase == .greeted { sendWelcome(id, now: now) }
    }

    func sendWelcome(_ id: RunMachine.WorkerID, now: Duration) {
        guard let link = links[id], let welcome = welcomes[link.stage] else { return }
        links[id]!.phase = .loading
        links[id]!.since = now
        _ = send(.welcome(welcome), to: id, now: now)
    }

    /// False if the worker cannot be reached: it is gone, or will be noticed as gone.
    func send(
        _ body: Lorgnette_V1_Envelope.OneOf_Body, payloads: [Payload] = [], to id: RunMachine.WorkerID, now: Duration
    ) -> Bool {
        guard let link = links[id], let peer = link.peer else { return false }
        links[id]!.sent = now
        let message = Message(epoch: link.epoch, body, payloads: payloads)
        if let chaos { return send(message, to: peer, of: link, through: chaos) }
        return (try? socket.send(message, to: peer)) == .sent
    }

    /// Gives up on a worker that is taken for hung: SIGTERM, then SIGKILL, to its whole process group. It is replaced.
    func kill(_ id: RunMachine.WorkerID, reason: String, now: Duration) {
        guard let link = links[id] else { return }
        // One that is not ours to kill is told; whoever started it may start it again.
        if link.process == nil { _ = send(.goodbye(.with { $0.message = reason }), to: id, now: now) }
        link.process?.kill(SIGTERM)
        remove(id)
        leaving.append((link, now + patience.term))
    }

    /// Plans successors for those that were given up and have ended, by themselves or now.
    func partWithTheLeaving(now: Duration) {
        leaving.removeAll { link, until in
            if let process = link.process, process.poll() == nil {
                guard now >= until else { return false }
                process.kill()
                // Reaped here: SIGKILL cannot be refused, so the wait is short.
                while process.poll() == nil { usleep(500) }
            }
            plan(link, wasReady: link.phase == .ready, now: now)
            return true
        }
    }

    /// How a worker's log ends; "" if it has none.
    func logTail(_ id: RunMachine.WorkerID) -> String { links[id]?.process?.logTail() ?? "" }

    func remove(_ id: RunMachine.WorkerID) {
        if let peer = links[id]?.peer {
            peers[peer] = nil
            shut(peer)
        }
        links[id] = nil
    }

    /// What still comes from an ended worker or a stranger is not listened to: a successor has a link of its own. Links that
    /// are in use stay, and those to addresses, which are ours.
    func shut(_ peer: Peer) {
        guard peers[peer] == nil, !links.values.contains(where: { $0.process == nil && $0.peer == peer }) else { return }
        if shutPeers.count >= 4096 { shutPeers.removeAll() }
        shutPeers.insert(peer)
    }

    /// Sets the time at which a worker's successor starts.
    func plan(_ link: Link, wasReady: Bool, now: Duration) {
        seats?.clear(link.name)
        let failures = wasReady ? 0 : (falseStarts[link.stage] ?? 0) + 1
        falseStarts[link.stage] = failures
        let delay = Duration.milliseconds(wasReady ? 20 : min(5000, 100 << failures))
        returns.append((now + delay, link.name, link.stage))
    }

    func restartDue(now: Duration) throws(CoordinationError) {
        for due in returns where due.at <= now {
            guard let stage = pipeline.stages.first(where: { $0.name == due.stage }) else { continue }
            try enlist(due.name, stage, now: now)
        }
        returns.removeAll { $0.at <= now }
    }

    /// Lets the workers end by themselves for a moment, then ends them. Leaves no process and no socket file.
    func dismiss(now: Duration) {
        for id in links.keys { _ = send(.drain(Lorgnette_V1_Drain()), to: id, now: now) }
        let clock = SuspendingClock()
        let end = clock.now.advanced(by: patience.farewell)
        var alive = links.values.compactMap(\.process) + leaving.compactMap(\.link.process)
        while !alive.isEmpty, clock.now < end {
            alive.removeAll { $0.poll() != nil }
            if !alive.isEmpty { usleep(2000) }
        }
        for process in alive { process.kill() }
        while !alive.isEmpty {
            alive.removeAll { $0.poll() != nil }
            usleep(1000)
        }
        let isHeard = links.values.contains { $0.process == nil && $0.phase != .starting }
        links = [:]
        leaving = []
        // Over a network, the Drain may still be on its way.
        socket.close(linger: isHeard ? patience.farewell : .zero)
        directory.close()
    }
}
