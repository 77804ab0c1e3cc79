/// What an expert says of itself at the handshake: its inputs, outputs and options.
public struct ExpertDescription: Sendable, Hashable, Codable {
    /// What travels through a port.
    public enum Kind: String, Sendable, Hashable, Codable {
        case picture, question, tensor, text
    }

    /// An input or output. The name of a tensor or text input is the key in a pipeline file.
    public struct Port: Sendable, Hashable, Codable {
        public var name: String
        public var kind: Kind
        public var required: Bool

        public init(name: String, kind: Kind, required: Bool = false) {
            self.name = name
            self.kind = kind
            self.required = required
        }
    }

    /// A setting that the expert knows. (Nested, so that it does not meet the `@Option` of a command.)
    public struct Option: Sendable, Hashable, Codable {
        public enum Kind: String, Sendable, Hashable, Codable {
            case string, number, integer, bool, stringList, integerMap
        }

        public var name: String
        public var type: Kind
        public var about: String
        /// As a person would write it in YAML; empty: none.
        public var defaultText: String
        /// Bounds of a number, an integer or each value of an integer map.
        public var minimum: Double?
        public var maximum: Double?
        /// What a string, or each string of a list, may be; empty: anything.
        public var choices: [String]

        public init(
            name: String, type: Kind, about: String = "", defaultText: String = "",
            minimum: Double? = nil, maximum: Double? = nil, choices: [String] = []
        ) {
            self.name = name
            self.type = type
            self.about = about
            self.defaultText = defaultText
            self.minimum = minimum
            self.maximum = maximum
            self.choices = choices
        }
    }

    /// One word, the suffix of the executable: `ocr`.
    public var service: String
    /// One sentence for a person.
    public var about: String
    /// Name and version.
    public var software: String
    public var inputs: [Port]
    public var outputs: [Port]
    public var options: [Option]
    /// Tasks it can work on at the same time, at least 1.
    public var concurrency: Int

    public init(
        service: String, about: String = "", software: String = "", inputs: [Port] = [], outputs: [Port] = [],
        options: [Option] = [], concurrency: Int = 1
    ) {
        self.service = service
        self.about = about
        self.software = software
        self.inputs = inputs
        self.outputs = outputs
        self.options = options
        self.concurrency = concurrency
    }
}

public typealias Kind = ExpertDescription.Kind
public typealias Port = ExpertDescription.Port
