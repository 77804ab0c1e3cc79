import Wire

/// What an expert is, takes, gives and can be set to: its Hello, its `--help`, and the rule by which tasks and options are checked.
public struct ExpertDescription: Sendable {
    /// One word, the suffix of the executable: "ocr".
    public let service: String
    /// Name and version, with those of the engine inside: "lorgnette-ocr 0.1.0 (tesseract 5.3.0)".
    public let software: String
    /// One sentence for a person.
    public let about: String
    public let inputs: [Port]
    public let outputs: [Port]
    public let options: [Option]
    /// Tasks that `answer` can work on at the same time, each on its thread; at least 1.
    public let concurrency: Int

    public init(
        service: String, software: String, about: String, inputs: [Port], outputs: [Port], options: [Option] = [],
        concurrency: Int = 1
    ) {
        precondition(concurrency >= 1, "an expert works on at least one task")
        self.service = service
        self.software = software
        self.about = about
        self.inputs = inputs
        self.outputs = outputs
        self.options = options
        self.concurrency = concurrency
    }

    /// Where something goes in or comes out. A port's name is its key in a pipeline file.
    public struct Port: Hashable, Sendable {
        public let name: String
        public let kind: Lorgnette_V1_Kind
        public let required: Bool

        /// The input's file.
        public static func picture(required: Bool = true) -> Port { Port(name: "picture", kind: .picture, required: required) }
        /// The user's words.
        public static func question(required: Bool = true) -> Port { Port(name: "question", kind: .question, required: required) }
        /// One stage's tensors.
        public static func tensor(_ name: String, required: Bool = true) -> Port {
            Port(name: name, kind: .tensor, required: required)
        }
        /// The words of any number of stages.
        public static func text(_ name: String, required: Bool = true) -> Port {
            Port(name: name, kind: .text, required: required)
        }
    }

    /// Something that a pipeline file may set.
    public struct Option: Hashable, Sendable {
        public let name: String
        public let type: Lorgnette_V1_Option.TypeEnum
        public let about: String
        /// Used where the pipeline file says nothing; nil: the option is then absent.
        public let fallback: WireValue?
        public let range: ClosedRange<Double>?
        /// Of a string, or of each string in a list; empty: any.
        public let choices: [String]

        public static func string(_ name: String, default fallback: String? = nil, choices: [String] = [], _ about: String)
            -> Option
        {
            Option(
                name: name, type: .string, about: about, fallback: fallback.map(WireValue.string), range: nil, choices: choices)
        }
        public static func strings(_ name: String, default fallback: [String]? = nil, choices: [String] = [], _ about: String)
            -> Option
        {
            Option(
                name: name, type: .stringList, about: about, fallback: fallback.map { .list($0.map(WireValue.string)) },
                range: nil,
                choices: choices)
        }
        public static func integer(
            _ name: String, default fallback: Int? = nil, in range: ClosedRange<Int>? = nil, _ about: String
        ) -> Option {
            Option(
                name: name, type: .integer, about: about, fallback: fallback.map { .number(Double($0)) },
                range: range.map { Double($0.lowerBound)...Double($0.upperBound) }, choices: [])
        }
        public static func number(
            _ name: String, default fallback: Double? = nil, in range: ClosedRange<Double>? = nil, _ about: String
        ) -> Option {
            Option(name: name, type: .number, about: about, fallback: fallback.map(WireValue.number), range: range, choices: [])
        }
        public static func bool(_ name: String, default fallback: Bool? = nil, _ about: String) -> Option {
            Option(name: name, type: .bool, about: about, fallback: fallback.map(WireValue.bool), range: nil, choices: [])
        }
        /// Such as `budget: {text: 256}`.
        public static func map(
            _ name: String, default fallback: [String: Int]? = nil, in range: ClosedRange<Int>? = nil, _ about: String
        ) -> Option {
            Option(
                name: name, type: .integerMap, about: about,
                fallback: fallback.map { .map($0.mapValues { .number(Double($0)) }) },
                range: range.map { Double($0.lowerBound)...Double($0.upperBound) }, choices: [])
        }
    }
}
