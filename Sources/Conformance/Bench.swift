import Coordination
import Glibc
import Pipelines
import Wire

/// What a ``Trial`` works with: the worker, in the state of conversation that the trial needs, and tasks for it.
final class Bench {
    let subject: Subject
    let pace: Pace
    let picture: TestPicture
    let folder: PrivateDirectory
    private let interruption: Interruption
    private let locator = ExpertLocator()

    private(set) var findings = Findings()
    /// What the worker said of itself first.
    private(set) var hello: Lorgnette_V1_Hello?
    private(set) var epochs: Set<UInt64> = []
    private var inputs: TaskInputs?
    private var current: Conversation?
    private var count = 0
    private var tasks: UInt64 = 0
    /// Why no further worker need be tried.
    private var unable: String?
    /// False once a sound task had no answer.
    var answers = true
    /// False once a sound task failed.
    var succeeds = true

    init(_ subject: Subject, pace: Pace, picture: String?, interruption: Interruption) throws {
        self.subject = subject
        self.pace = pace
        self.interruption = interruption
        folder = try PrivateDirectory()
        self.picture = try picture.map(TestPicture.read) ?? .drawn(at: "\(folder.path)/check.png")
    }

    /// The command that starts the worker, as a run would start it.
    func command() throws -> [String] {
        guard let command = try locator.command(for: subject.stage) else { throw Bench.needsCommand }
        return command
    }

    static let needsCommand = Unchecked("needs a command, so that the worker can be started anew")

    // MARK: Conversations

    /// A process of the worker that has said nothing yet.
    func started(command: [String]? = nil) throws -> Conversation {
        if let unable { throw Unchecked(unable) }
        discard()
        count += 1
        let meeting: Conversation.Meeting
        if case .remote(let address) = subject.stage.expert {
            guard count == 1 else { throw Bench.needsCommand }
            meeting = .connect(try Endpoint(address))
        } else {
            meeting = .start(command: try command ?? self.command(), log: "\(folder.path)/\(count).log")
        }
        let conversation = try Conversation(
            meeting, name: "\(subject.stage.name).\(count)", endpoint: try folder.endpoint("w\(count)"), pace: pace,
            interruption: interruption)
        current = conversation
        return conversation
    }

    /// A worker that has said Hello and waits.
    func greeted() throws -> Conversation {
        if let unable { throw Unchecked(unable) }
        if let current, current.hello != nil, !current.isWelcomed, isAlive(current) { return current }
        let conversation = try started()
        do { try greet(conversation) } catch let complaint as Complaint {
            if hello == nil { unable = "needs a worker that says Hello" }
            throw complaint
        }
        return conversation
    }

    func greet(_ conversation: Conversation) throws {
        let hello = try conversation.wait(for: "Hello", within: pace.hello) { conversation.hello }
        epochs.insert(conversation.epoch)
        self.hello = self.hello ?? hello
    }

    /// A worker that is ready for tasks.
    func serving() throws -> Conversation {
        if let unable { throw Unchecked(unable) }
        if let current, current.ready != nil, isAlive(current) { return current }
        // What feeds the worker is asked before it waits for us.
        if inputs == nil {
            if hello == nil { _ = try greeted() }
            if !subject.isRemote { discard() }
            _ = try prepared()
        }
        let conversation = try greeted()
        do { try welcome(conversation) } catch let complaint as Complaint {
            unable = "needs a worker that gets ready"
            throw complaint
        }
        return conversation
    }

    /// - Parameter options: on top of the stage's own.
    func welcome(_ conversation: Conversation, liveness: Duration? = nil) throws {
        conversation.welcome(subject.stage.name, try prepared().options, liveness: liveness)
        _ = try conversation.wait(for: "Ready", within: pace.load) {
            if let failure = conversation.ownFailure {
                throw Complaint(expected: "Ready", found: "Failure(\(failure.code.word)): \(failure.message)")
            }
            return conversation.ready
        }
    }

    /// A worker that answers, whatever it answers.
    func answering() throws -> Conversation {
        guard answers else { throw Unchecked("needs a worker that answers a task") }
        return try serving()
    }

    /// Ends what runs, so that the next trial has a new worker. A worker that is not ours goes on.
    func discard() {
        guard let conversation = current, !subject.isRemote else { return }
        current = nil
        findings.add(conversation.close())
    }

    func close() {
        if let current { findings.add(current.close()) }
        current = nil
        folder.close()
    }

    /// The end of the log of the worker that runs, or ran last.
    var logTail: String { current?.process?.logTail(limit: 600) ?? "" }

    private func isAlive(_ conversation: Conversation) -> Bool {
        !conversation.isEnding && conversation.goodbye == nil && conversation.process?.poll() == nil
    }

    // MARK: Tasks

    func prepared() throws -> TaskInputs {
        if let inputs { return inputs }
        guard let hello else { throw Unchecked("needs a worker that says Hello") }
        let feeders = Feeders(
            subject.pipeline, picture: picture, folder: folder, pace: pace, interruption: interruption)
        let made = try feeders.inputs(of: subject.stage.name, hello)
        inputs = made
        return made
    }

    func takes(_ kind: Lorgnette_V1_Kind) -> Bool { hello?.inputs.contains { $0.kind == kind } ?? false }

    func requires(_ kind: Lorgnette_V1_Kind) -> Bool { hello?.inputs.contains { $0.kind == kind && $0.required } ?? false }

    /// The first port of a kind.
    func port(_ kind: Lorgnette_V1_Kind) -> Lorgnette_V1_Port? { hello?.inputs.first { $0.kind == kind } }

    /// A sound task, with all that the worker takes and can be given.
    func task(without port: String? = nil) throws -> PreparedTask {
        let inputs = try prepared()
        tasks += 1
        var task = PreparedTask(header: .init())
        task.header.id = tasks
        task.header.attempt = 1
        task.header.leaseMs = UInt32(clamping: pace.answer.components.seconds * 1000)
        task.header.item = "check.png"
        task.header.seed = 1
        if takes(.question) { task.header.question = inputs.question }
        if let picture = self.port(.picture), picture.name != port {
            if subject.isRemote { task.send(self.picture) } else { task.show(self.picture) }
        }
        for (name, feeds) in inputs.feeds where name != port {
            for feed in feeds { task.feed(name, feed) }
        }
        return task
    }

    /// Asks and waits for the answer.
    func answer(to task: PreparedTask, _ conversation: Conversation, after nuisance: String = "") throws
        -> Conversation.Answer
    {
        let key = conversation.ask(task)
        return try self.answer(of: key, conversation, after: nuisance)
    }

    func answer(of key: TaskKey, _ conversation: Conversation, after nuisance: String = "") throws
        -> Conversation.Answer
    {
        let what = "an answer to \(key)\(nuisance.isEmpty ? "" : ", after \(nuisance)")"
        return try conversation.wait(for: what, within: pace.answer) { conversation.answers[key]?.first }
    }

    /// A sound task is still answered.
    func goesOn(_ conversation: Conversation, after nuisance: String) throws {
        _ = try answer(to: try task(), conversation, after: nuisance)
    }

    /// As many as the worker wants to hold, and not more than `limit`.
    func credit(_ conversation: Conversation, atMost limit: Int = 64) -> Int {
        max(1, min(limit, Int(conversation.ready?.credit ?? 1)))
    }
}
