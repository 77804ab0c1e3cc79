/// How a stage's expert is found.
public enum ExpertReference: Sendable, Hashable, CustomStringConvertible {
    /// `expert: ocr`: the executable `lorgnette-ocr`.
    case named(String)
    /// `command: [python3, my_expert.py]`, never empty.
    case command([String])
    /// `at: tcp://host:port`
    case remote(String)

    /// As a message or a log line names it.
    public var description: String {
        switch self {
        case .named(let name): return name
        case .command(let words): return words.joined(separator: " ")
        case .remote(let endpoint): return endpoint
        }
    }
}

/// Which stages feed one port of a stage, in the order written.
public struct Input: Sendable, Hashable {
    public var port: String
    public var kind: Kind
    public var stages: [String]

    public init(port: String, kind: Kind, stages: [String]) {
        self.port = port
        self.kind = kind
        self.stages = stages
    }
}

/// One expert at work in a pipeline.
public struct Stage: Sendable, Hashable {
    /// The keys that every stage knows; all others are the expert's.
    public static let reservedKeys = ["expert", "command", "at", "key", "workers", "optional", "deadline", "when"]
    public static let defaultDeadline = Duration.seconds(120)

    public var name: String
    public var expert: ExpertReference
    /// The public key that the worker at an address must have: a name, a file or the key itself; nil: plain tcp.
    public var key: String?
    /// Its failure makes an item `partial`, not `failed`.
    public var optional: Bool
    /// The time a task may take, 10 ms to 24 h.
    public var deadline: Duration
    /// Processes to start, 1 to 64.
    public var workers: Int
    /// Run only if this holds; nil: always.
    public var when: Condition?
    /// Where the condition's first character was written.
    var whenPosition = Position.commandLine
    /// What the file says beyond the reserved keys, typed by the expert's description. Empty before binding.
    public var options: [String: OptionValue]
    /// Tensor and text ports that are fed. Empty before binding.
    public var inputs: [Input]
    /// The line of the stage's name, from 1.
    public var line: Int
    /// Where the name was written.
    public var position: Position
    /// Stages that it does not hear, though the file says so.
    var unheard: Set<String> = []
    /// The stage whose workers serve this one, too, with that stage's options; nil: it has workers of its own.
    public internal(set) var sharing: String?
    /// Every key as written, reserved ones included.
    var written: [Setting]

    /// The keys that are the expert's to know, as written.
    public var settings: [Setting] { written.filter { !Self.reservedKeys.contains($0.key) } }

    /// The stages that feed it and those that its condition names, once it is bound.
    var awaited: [String] { inputs.flatMap(\.stages) + (when?.stages ?? []) }

    /// Whatever it names that could be one of these stages, in their order. Which keys are inputs, only its expert knows.
    func mentions(_ names: [String]) -> [String] {
        let words = Set(
            settings.flatMap { setting -> [String] in
                if case .list(let items) = setting.value.content { return items.compactMap(\.text) }
                return setting.value.text.map { [$0] } ?? []
            })
        return names.filter { words.contains($0) && $0 != name && !unheard.contains($0) }
    }

    public init(
        name: String, expert: ExpertReference, optional: Bool = false, deadline: Duration = Stage.defaultDeadline,
        workers: Int = 1,
        options: [String: OptionValue] = [:], inputs: [Input] = [], position: Position = Position(line: 1, column: 1)
    ) {
        self.name = name
        self.expert = expert
        self.optional = optional
        self.deadline = deadline
        self.workers = workers
        self.options = options
        self.inputs = inputs
        self.line = position.line ?? 0
        self.position = position
        self.written = []
    }
}
