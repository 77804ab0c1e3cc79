/// What became of one input.
public enum ItemStatus: String, Sendable, Codable, Hashable, CaseIterable {
    /// All stages, but for those that were not to be run.
    case ok
    /// An optional stage failed.
    case partial
    /// A required stage failed.
    case failed
    /// Not a picture, or excluded.
    case skipped
}

/// Why an input failed or was skipped.
public struct ItemError: Sendable, Codable, Hashable {
    public var stage: String?
    public var code: String
    public var message: String

    public init(stage: String? = nil, code: String, message: String) {
        self.stage = stage
        self.code = code
        self.message = message
    }
}

/// One line of `results.jsonl`, schema `lorgnette.result/1`.
public struct ResultLine: Sendable, Hashable {
    public static let schema = "lorgnette.result/1"

    /// A stage's name with its report.
    public struct Entry: Sendable, Hashable {
        public var name: String
        public var report: StageReport

        public init(name: String, report: StageReport) {
            self.name = name
            self.report = report
        }
    }

    /// Path relative to the input folder.
    public var item: String
    /// The name was not UTF-8, and `item` has it percent-escaped.
    public var itemIsEscaped: Bool
    /// 64 hex digits of the file's bytes; nil if it was not read.
    public var sha256: String?
    public var status: ItemStatus
    public var picture: PictureFacts?
    /// In the order of the pipeline file.
    public var stages: [Entry]
    /// The name of the stage whose words are the answer; they stand in `answer`, not in `stages`.
    public var answerStage: String?
    public var error: ItemError?

    public init(
        item: String, itemIsEscaped: Bool = false, sha256: String? = nil, status: ItemStatus,
        picture: PictureFacts? = nil,
        stages: [Entry] = [], answerStage: String? = nil, error: ItemError? = nil
    ) {
        self.item = item
        self.itemIsEscaped = itemIsEscaped
        self.sha256 = sha256
        self.status = status
        self.picture = picture
        self.stages = stages
        self.answerStage = answerStage
        self.error = error
    }

    /// The answering stage's report, if it succeeded.
    public var answer: StageReport? {
        guard let answerStage, let entry = stages.first(where: { $0.name == answerStage }) else { return nil }
        return entry.report.status == .ok ? entry.report : nil
    }
}
