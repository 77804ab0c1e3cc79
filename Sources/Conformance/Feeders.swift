import Coordination
import Pipelines
import Wire

/// What a worker is given with each task.
struct TaskInputs {
    var options: [String: WireValue]
    var question: String
    /// By port, in the order of Hello.
    var feeds: [(port: String, feeds: [Feed])]
    /// A required port for which there is nothing.
    var missing: String?
}

/// Runs the other stages of the pipeline once, so that the worker gets what it would get in a run.
final class Feeders {
    private let pipeline: Pipeline
    private let picture: TestPicture
    private let folder: PrivateDirectory
    private let pace: Pace
    private let interruption: Interruption
    private let locator = ExpertLocator()
    private var found: [String: Found] = [:]
    private var count = 0

    private struct Found {
        let hello: Lorgnette_V1_Hello
        let outcome: Lorgnette_V1_Outcome
        let payloads: [Payload]
        let models: [Lorgnette_V1_Model]
    }

    init(_ pipeline: Pipeline, picture: TestPicture, folder: PrivateDirectory, pace: Pace, interruption: Interruption) {
        self.pipeline = pipeline
        self.picture = picture
        self.folder = folder
        self.pace = pace
        self.interruption = interruption
    }

    /// - Throws: `Faults` of the pipeline, `CoordinationError` for a program that is missing, ``ConformanceError`` for a
    ///   stage that gives nothing.
    func inputs(of name: String, _ hello: Lorgnette_V1_Hello) throws -> TaskInputs {
        var descriptions: [String: ExpertDescription] = [:]
        for stage in pipeline.stages {
            if stage.name == name {
                descriptions[name] = Envelope.description(hello)
                // A port that nothing feeds is for the trials to deal with.
                descriptions[name]?.inputs = Envelope.description(hello).inputs.map {
                    Pipelines.Port(name: $0.name, kind: $0.kind)
                }
            } else {
                let conversation = try start(stage)
                defer { _ = conversation.close() }
                descriptions[stage.name] = Envelope.description(try greet(conversation, stage))
            }
        }
        let bound = try pipeline.bound(to: descriptions)
        guard let index = bound.index(of: name) else {
            throw ConformanceError.noStage(name, among: pipeline.stages.map(\.name))
        }
        return try inputs(of: bound.stages[index], in: bound, hello)
    }

    private func inputs(of stage: BoundStage, in bound: BoundPipeline, _ hello: Lorgnette_V1_Hello) throws -> TaskInputs {
        var inputs = TaskInputs(
            options: Lorgnette_V1_Welcome.with { $0.options = Envelope.options(stage.options) }.optionValues,
            question: stage.question ?? Subject.question, feeds: [])
        for port in hello.inputs where port.kind == .tensor || port.kind == .text {
            let stages = stage.inputs.first { $0.port == port.name }?.stages ?? []
            var feeds: [Feed] = []
            for source in stages {
                guard let index = bound.index(of: source) else { continue }
                feeds.append(try feed(bound.stages[index], in: bound, as: port.kind))
            }
            if feeds.isEmpty, port.kind == .text { feeds = [.words] }
            if feeds.isEmpty {
                if port.required { inputs.missing = inputs.missing ?? port.name }
            } else {
                inputs.feeds.append((port.name, feeds))
            }
        }
        return inputs
    }

    private func feed(_ stage: BoundStage, in bound: BoundPipeline, as kind: Lorgnette_V1_Kind) throws -> Feed {
        let found = try self.found[stage.name] ?? run(stage, in: bound)
        self.found[stage.name] = found
        var input = Lorgnette_V1_Input()
        input.stage = stage.name
        input.expert = found.hello.service
        input.outcome = found.outcome
        input.models = found.models
        if kind == .tensor { return Feed(input: input, payloads: found.payloads) }
        input.outcome.tensors = []
        let words = Envelope.outcome(found.outcome, models: [])
        if let passage = ContextMerger.passage(stage: stage.name, expert: input.expert, outcome: words) {
            input.passage.label = passage.label
            input.passage.lines = passage.lines
        }
        return Feed(input: input)
    }

    private func run(_ stage: BoundStage, in bound: BoundPipeline) throws -> Found {
        func trouble(_ reason: String) -> ConformanceError { .feed(stage: stage.name, reason: reason) }
        let conversation = try start(stage.stage)
        defer { _ = conversation.close() }
        let hello = try greet(conversation, stage.stage)
        let inputs = try inputs(of: stage, in: bound, hello)
        var task = PreparedTask(header: .init())
        task.header.id = 1
        task.header.attempt = 1
        task.header.leaseMs = UInt32(clamping: pace.answer.components.seconds * 1000)
        task.header.item = "check.png"
        task.header.question = inputs.question
        if stage.takesPicture { task.send(picture) }
        for (port, feeds) in inputs.feeds {
            for feed in feeds { task.feed(port, feed) }
        }
        do {
            conversation.welcome(stage.name, inputs.options)
            let ready = try conversation.wait(for: "Ready", within: pace.load) {
                if let failure = conversation.ownFailure { throw trouble("\(failure.message) [\(failure.code.word)]") }
                return conversation.ready
            }
            let key = conversation.ask(task)
            switch try conversation.wait(for: "an answer", within: pace.answer, { conversation.answers[key]?.first }) {
            case .result(let result, let payloads):
                return Found(hello: hello, outcome: result.outcome, payloads: payloads, models: ready.models)
            case .failure(let failure): throw trouble("\(failure.message) [\(failure.code.word)]")
            }
        } catch let complaint as Complaint {
            throw trouble(complaint.description)
        }
    }

    private func start(_ stage: Stage) throws -> Conversation {
        count += 1
        let meeting: Conversation.Meeting
        if case .remote(let address) = stage.expert {
            meeting = .connect(try Endpoint(address))
        } else {
            meeting = .start(command: try locator.command(for: stage) ?? [], log: "\(folder.path)/f\(count).log")
        }
        return try Conversation(
            meeting, name: "\(stage.name).\(count)", endpoint: try folder.endpoint("f\(count)"), pace: pace,
            interruption: interruption)
    }

    private func greet(_ conversation: Conversation, _ stage: Stage) throws -> Lorgnette_V1_Hello {
        do { return try conversation.wait(for: "Hello", within: pace.hello) { conversation.hello } } catch let complaint
            as Complaint
        {
            throw ConformanceError.feed(stage: stage.name, reason: complaint.description)
        }
    }
}
