import ExpertKit
import Glibc
import Wire

/// Any program that reads a picture's file and prints what it found.
final class CommandExpert: Expert {
    static let description = ExpertDescription(
        service: "command", software: "lorgnette-command 0.1.0",
        about: "Runs a program of yours on every picture; what it prints is the answer.",
        inputs: [.picture(), .question(required: false)], outputs: [.text("text")],
        options: [
            .strings(
                "run",
                "The program and its arguments; {picture} in them is the path of the picture, {question} the question."),
            .bool("lines", default: false, "Each line of the output is something found, not a part of one text."),
            .number(
                "seconds", default: 30, in: 0.1...86_400,
                "Time for each picture; then the program and all that it started are ended."),
            .integer("max_bytes", default: 1 << 16, in: 1...(16 << 20), "Output to take; more is a failure."),
            .integer("megabytes", in: 16...(1 << 20), "Memory for the program's data; without, there is no limit."),
            .strings("environment", default: [], "Variables to pass on, besides PATH, HOME and TMPDIR."),
        ])

    /// The part of a task's time that a program may have: the coordinator is to hear of a slow one before it takes this
    /// worker for hung.
    private static let share = 0.8

    private let template: RunTemplate
    private let lines: Bool
    private let limits: ProgramRun.Limits
    private let environment: [String]
    let models: [ExpertModel]

    init(options: ExpertOptions) throws {
        let path = Self.variable("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
        template = try RunTemplate(options.strings("run"), path: path)
        models = try template.models()
        lines = try options.bool("lines")
        limits = ProgramRun.Limits(
            seconds: try options.double("seconds"), outputBytes: try options.int("max_bytes"),
            megabytes: options["megabytes"] == nil ? 0 : try options.int("megabytes"))
        // The same words for the same picture, whoever asks: no country's, unless it is asked for.
        var variables = ["PATH": path, "LC_ALL": "C.UTF-8"]
        for name in ["HOME", "TMPDIR"] + (try options.strings("environment")) {
            guard !name.isEmpty, !name.contains("="), !name.utf8.contains(0) else {
                throw ExpertFailure.badOption("option \"environment\": expected names of variables, found \"\(name)\"")
            }
            if let value = Self.variable(name) { variables[name] = value }
        }
        environment = variables.map { "\($0.key)=\($0.value)" }.sorted()
    }

    func answer(_ task: ExpertTask) throws -> ExpertAnswer {
        guard let source = task.picture else { throw ExpertFailure.badInput("expected a picture, found none") }
        let picture = try CheckedPicture(source, item: task.item)
        defer { picture.remove() }
        var limits = limits
        limits.seconds = min(limits.seconds, Self.share * task.remaining.inSeconds)
        let run = ProgramRun(
            command: try template.command(picture: picture.path, question: task.question), environment: environment,
            limits: limits, keeper: Self.keeper)
        let output = PrintableText(try run.output { task.isCancelled })
        guard picture.isUnchanged else {
            throw ExpertFailure.changed("\(picture.path): it changed while the program ran")
        }
        let found = output.text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            String(line.reversed().drop(while: \.isWhitespace).reversed())
        }
        let kept = found.drop(while: \.isEmpty).reversed().drop(while: \.isEmpty).reversed()
        var answer = ExpertAnswer(text: kept.joined(separator: "\n"))
        if lines {
            answer.lines = kept.filter { !$0.isEmpty }.map { line in
                .with {
                    $0.text = line
                    $0.confidence = 1
                }
            }
        }
        if output.isRepaired { answer.facts["output"] = "bytes that are not UTF-8 were replaced" }
        return answer
    }

    /// This executable, or the one beside it where the expert runs in another, as in a rehearsal.
    static let keeper: String = {
        guard let pointer = realpath("/proc/self/exe", nil) else { return "/proc/self/exe" }
        defer { free(pointer) }
        let path = String(cString: pointer)
        return path.hasSuffix("/lorgnette-command") ? path : path.folder + "/lorgnette-command"
    }()

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

extension String {
    fileprivate var folder: String { lastIndex(of: "/").map { String(self[..<$0]) } ?? "." }
}

extension Duration {
    fileprivate var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
