/// A stage that its expert has agreed to.
public struct BoundStage: Sendable, Hashable {
    /// With its inputs and options filled in.
    public let stage: Stage
    public let description: ExpertDescription
    /// The stages it waits for, as indices into `BoundPipeline.stages`; each is smaller than its own index.
    public let dependencies: [Int]
    /// The question to send: the stage's own, else the pipeline's; nil if the expert has no question port or none was asked.
    public let question: String?
    /// Whether it is asked what the pipeline asks; false if it has a question of its own, or none.
    public let sharesQuestion: Bool

    public var name: String { stage.name }
    public var inputs: [Input] { stage.inputs }
    public var options: [String: OptionValue] { stage.options }
    /// Whether its tasks carry the picture.
    public var takesPicture: Bool { description.inputs.contains { $0.kind == .picture } }
    /// Whether its tasks must carry a question.
    public var needsQuestion: Bool { description.inputs.contains { $0.kind == .question && $0.required } }

    public init(
        stage: Stage, description: ExpertDescription, dependencies: [Int], question: String?, sharesQuestion: Bool
    ) {
        self.stage = stage
        self.description = description
        self.dependencies = dependencies
        self.question = question
        self.sharesQuestion = sharesQuestion
    }
}

/// A pipeline whose every key has been checked against the experts' descriptions.
public struct BoundPipeline: Sendable, Hashable {
    /// In file order, its stages' inputs and options filled in.
    public let pipeline: Pipeline
    /// In an order in which each comes after all that it waits for; file order where that leaves a choice.
    public let stages: [BoundStage]
    /// Index into `stages` of the stage that answers.
    public let answer: Int?

    public init(pipeline: Pipeline, stages: [BoundStage], answer: Int?) {
        self.pipeline = pipeline
        self.stages = stages
        self.answer = answer
    }

    /// Stages that cannot work because nobody asked anything: the file has no `ask:`, and there was no `--ask`.
    public var stagesWithoutQuestion: [String] { stages.filter { $0.needsQuestion && $0.question == nil }.map(\.name) }

    /// Index into `stages`, or nil.
    public func index(of name: String) -> Int? { stages.firstIndex { $0.name == name } }
}
