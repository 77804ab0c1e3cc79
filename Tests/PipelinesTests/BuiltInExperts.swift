import Pipelines

/// What the built-in experts say of themselves at the handshake, and two made-up ones.
enum BuiltInExperts {
    private typealias Option = ExpertDescription.Option

    static let encoder = ExpertDescription(
        service: "encoder", inputs: [Port(name: "picture", kind: .picture, required: true)],
        outputs: [Port(name: "features", kind: .tensor)],
        options: [
            Option(name: "model", type: .string), Option(name: "blocks", type: .stringList),
            Option(name: "dtype", type: .string, choices: ["f16", "f32"]),
        ])

    static let captioner = ExpertDescription(
        service: "captioner", inputs: [Port(name: "visual", kind: .tensor, required: true)],
        outputs: [Port(name: "caption", kind: .text)],
        options: [
            Option(name: "language", type: .string), Option(name: "adapter", type: .string),
            Option(name: "max_tokens", type: .integer, minimum: 1, maximum: 512),
        ])

    static let ocr = ExpertDescription(
        service: "ocr", inputs: [Port(name: "picture", kind: .picture, required: true)],
        outputs: [Port(name: "text", kind: .text)],
        options: [
            Option(name: "languages", type: .stringList),
            Option(name: "layout", type: .string, choices: ["auto", "page", "block", "sparse"]),
            Option(name: "min_confidence", type: .number, minimum: 0, maximum: 1),
        ])

    static let detector = ExpertDescription(
        service: "detector", inputs: [Port(name: "picture", kind: .picture, required: true)],
        outputs: [Port(name: "text", kind: .text)],
        options: [Option(name: "find", type: .stringList, choices: ["faces", "people"])])

    static let generator = ExpertDescription(
        service: "generator",
        inputs: [
            Port(name: "question", kind: .question, required: true), Port(name: "visual", kind: .tensor),
            Port(name: "context", kind: .text),
        ],
        outputs: [Port(name: "answer", kind: .text)],
        options: [
            Option(name: "language", type: .string), Option(name: "adapter", type: .string),
            Option(name: "system", type: .string),
            Option(name: "max_tokens", type: .integer, minimum: 1, maximum: 4096),
            Option(name: "temperature", type: .number, minimum: 0),
            Option(name: "top_p", type: .number, minimum: 0, maximum: 1),
            Option(name: "repetition_penalty", type: .number, minimum: 1, maximum: 2),
            Option(name: "stream", type: .bool), Option(name: "budget", type: .integerMap, minimum: 0),
        ])

    static let barcode = ExpertDescription(
        service: "barcode", inputs: [Port(name: "picture", kind: .picture, required: true)],
        outputs: [Port(name: "text", kind: .text)],
        options: [
            Option(
                name: "kinds", type: .stringList,
                choices: [
                    "qr", "ean13", "ean8", "upca", "upce", "code128", "code93", "code39", "codabar", "i25", "databar",
                ]),
            Option(name: "effort", type: .string, choices: ["quick", "thorough"]),
        ])

    static let search = ExpertDescription(
        service: "search",
        inputs: [
            Port(name: "picture", kind: .picture), Port(name: "question", kind: .question),
            Port(name: "context", kind: .text),
        ],
        outputs: [Port(name: "text", kind: .text)],
        options: [
            Option(name: "notes", type: .string), Option(name: "results", type: .string),
            Option(name: "top", type: .integer, minimum: 1, maximum: 20),
        ])

    static let command = ExpertDescription(
        service: "command",
        inputs: [Port(name: "picture", kind: .picture, required: true), Port(name: "question", kind: .question)],
        outputs: [Port(name: "text", kind: .text)],
        options: [
            Option(name: "run", type: .stringList), Option(name: "lines", type: .bool),
            Option(name: "seconds", type: .number, minimum: 0.1, maximum: 86_400),
            Option(name: "max_bytes", type: .integer, minimum: 1),
            Option(name: "megabytes", type: .integer, minimum: 16),
            Option(name: "environment", type: .stringList),
        ])

    /// Takes text, gives text: what a cycle is made of.
    static let editor = ExpertDescription(
        service: "editor", inputs: [Port(name: "from", kind: .text, required: true)],
        outputs: [Port(name: "text", kind: .text)])

    /// Knows no key at all.
    static let clock = ExpertDescription(service: "clock")

    static let all = Dictionary(
        uniqueKeysWithValues: [encoder, captioner, ocr, detector, generator, barcode, search, command, editor, clock].map {
            ($0.service, $0)
        })

    /// By stage name, for every stage whose `expert:` is known here.
    static func descriptions(for pipeline: Pipeline) -> [String: ExpertDescription] {
        var found: [String: ExpertDescription] = [:]
        for stage in pipeline.stages {
            if case .named(let name) = stage.expert { found[stage.name] = all[name] }
        }
        return found
    }
}

/// The faults of a text, one a line, bound to the built-in experts if it can be read; empty if there are none.
func faults(
    of yaml: String, set assignments: [String] = [], without stages: [String] = [], only: [String]? = nil
) -> String {
    do throws(Faults) {
        let pipeline = try Pipeline.read(yaml, file: "p.yaml").setting(assignments).without(stages).only(only)
        _ = try pipeline.bound(to: BuiltInExperts.descriptions(for: pipeline))
        return ""
    } catch {
        return error.description
    }
}

/// A text that is right, read and bound.
func bound(
    _ yaml: String, set assignments: [String] = [], without stages: [String] = [], only: [String]? = nil
) throws -> BoundPipeline {
    let pipeline = try Pipeline.read(yaml, file: "p.yaml").setting(assignments).without(stages).only(only)
    return try pipeline.bound(to: BuiltInExperts.descriptions(for: pipeline))
}

let describe = """
    pipeline: describe
    about: Describe every picture, grounded in what the experts saw.
    ask: Describe this picture.
    stages:
      visual:  {expert: encoder}
      caption: {expert: captioner, visual: visual}
      text:    {expert: ocr, languages: [eng], optional: true, deadline: 20s}
      answer:  {expert: generator, visual: visual, context: [caption, text], max_tokens: 96, budget: {text: 256}}
    answer: answer
    """

/// A file with these lines as the keys of its only stage.
func stage(_ keys: String) -> String { "pipeline: p\nstages:\n  a: {\(keys)}\n" }
