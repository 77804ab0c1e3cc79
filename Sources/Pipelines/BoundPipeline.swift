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
    /// The stage whose workers serve it: itself, or another.
    public var staff: String { stage.sharing ?? stage.name }
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

    /// What is allowed and may yet surprise: stages that are not run where a stage that they need was not to be run.
    public var warnings: [Fault] {
        var conditional: Set<Int> = []
        var warnings: [Fault] = []
        func warn(_ place: Position, _ key: String, _ message: String) {
            warnings.append(
                Fault(file: pipeline.file, line: place.line, column: place.column, key: key, message: message))
        }
        for (index, bound) in stages.enumerated() {
            let stage = bound.stage
            if stage.when != nil { conditional.insert(index) }
            for port in bound.description.inputs where port.required {
                guard let input = stage.inputs.first(where: { $0.port == port.name }),
                    input.stages.allSatisfy({ self.index(of: $0).map(conditional.contains) ?? false })
                else { continue }
                conditional.insert(index)
                let names = input.stages.map { quoted($0) }.joined(separator: " and ")
                let place = stage.settings.first { $0.key == port.name }?.position ?? stage.position
                warn(place, "stages.\(stage.name).\(port.name)", "where \(names) is not run, \(stage.name) is not run either")
            }
        }
        if let answer, conditional.contains(answer) {
            warn(pipeline.answerPosition, "answer", "where \(stages[answer].name) is not run, there is no answer")
        }
        return warnings
    }
}
