/// A pipeline file as a value: which experts look at each picture and which of them answers.
public struct Pipeline: Sendable, Hashable {
    public static let reservedKeys = ["pipeline", "about", "ask", "stages", "answer"]

    /// The file's name as the person wrote it; faults begin with it.
    public var file: String
    public var name: String
    public var about: String
    /// The question asked of every picture.
    public var ask: String?
    /// In the order of the file.
    public var stages: [Stage]
    /// The stage whose words are the answer.
    public var answer: String?
    /// Stages that `--without` or `--only` took out; what still names them is dropped when binding.
    public internal(set) var removed: Set<String> = []
    /// The stages with workers of their own.
    public var staffed: [Stage] { stages.filter { $0.sharing == nil } }
    /// Where `answer:` was written.
    var answerPosition = Position.commandLine

    public init(
        file: String, name: String, about: String = "", ask: String? = nil, stages: [Stage], answer: String? = nil
    ) {
        self.file = file
        self.name = name
        self.about = about
        self.ask = ask
        self.stages = stages
        self.answer = answer
    }
}
