import Pipelines

/// The worker to be checked: a stage of a pipeline, whose other stages feed it.
public struct Subject: Sendable {
    public let pipeline: Pipeline
    public let stage: Stage

    /// - Throws: ``ConformanceError`` if the pipeline has no such stage.
    public init(pipeline: Pipeline, stage name: String) throws(ConformanceError) {
        guard let stage = pipeline.stages.first(where: { $0.name == name }) else {
            throw .noStage(name, among: pipeline.stages.map(\.name))
        }
        self.pipeline = pipeline
        self.stage = stage
    }

    /// A worker by itself, or with experts that feed its ports.
    /// - Parameters:
    ///   - feeds: `port=expert`, such as `visual=encoder`.
    ///   - settings: `key=value` for the worker, `expert.key=value` for one that feeds it.
    /// - Throws: `Faults` of what was written.
    public init(expert: ExpertReference, feeds: [String] = [], settings: [String] = []) throws {
        let name = "worker"
        var experts: [String] = []
        var ports: [String: [String]] = [:]
        for feed in feeds {
            let parts = feed.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, parts[1] != name else {
                throw Faults(faults: [Fault(file: "--from", message: "expected PORT=EXPERT, found \"\(feed)\"")])
            }
            ports[parts[0], default: []].append(parts[1])
            if !experts.contains(parts[1]) { experts.append(parts[1]) }
        }
        func quoted(_ text: String) -> String { OptionValue.string(text).json }
        func list(_ words: [String]) -> String { "[\(words.map(quoted).joined(separator: ", "))]" }
        var keys: [String]
        switch expert {
        case .named(let word): keys = ["expert: \(quoted(word))"]
        case .command(let words): keys = ["command: \(list(words))"]
        case .remote(let address): keys = ["at: \(quoted(address))"]
        }
        keys += ports.sorted { $0.key < $1.key }.map { "\(quoted($0.key)): \(list($0.value))" }
        var lines = ["pipeline: check", "ask: \(quoted(Subject.question))", "stages:"]
        lines +=
            experts.map { "  \(quoted($0)): {expert: \(quoted($0))}" } + [
                "  \(name): {\(keys.joined(separator: ", "))}"
            ]
        let pipeline = try Pipeline.read(lines.joined(separator: "\n") + "\n", file: "command line")
        try self.init(pipeline: pipeline.setting(Subject.named(settings, for: name)), stage: name)
    }

    /// `key=value` as `stage.key=value`.
    public static func named(_ settings: [String], for stage: String) -> [String] {
        settings.map { $0.prefix { $0 != "=" }.contains(".") ? $0 : "\(stage).\($0)" }
    }

    static let question = "What does this picture show?"

    /// True if the worker runs already, somewhere else.
    var isRemote: Bool { if case .remote = stage.expert { true } else { false } }
}
