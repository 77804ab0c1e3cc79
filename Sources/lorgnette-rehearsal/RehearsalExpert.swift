import ExpertKit
import Glibc
import Wire

/// Stands in for a real expert in tests and in chaos: says what it was given, and misbehaves as it is told.
final class RehearsalExpert: Expert {
    private static let trouble = "if the item's name has this in it"

    static let description = ExpertDescription(
        service: "rehearsal",
        software: "lorgnette-rehearsal 0.1.0",
        about: "Says back what it was given; crashes, hangs and fails as its options tell it.",
        inputs: [
            .picture(required: false), .question(required: false), .text("context", required: false),
            .tensor("visual", required: false),
        ],
        outputs: [.text("text", required: false), .tensor("visual", required: false)],
        options: [
            .string("say", "the answer's text, instead of item, question and context"),
            .strings("lines", default: [], "lines of text to find, each with a box"),
            .bool("tensor", default: false, "also answer a tensor \"echo\" of shape [2, 3]"),
            .bool("read", default: false, "read the picture and check its hash"),
            .bool("progress", default: false, "stream the text word by word"),
            .integer("credit", default: 16, in: 1...1024, "tasks to hold at the same time"),
            .integer("delay_ms", default: 0, in: 0...3_600_000, "time to work on each task; a Cancel ends it"),
            .integer("load_ms", default: 0, in: 0...3_600_000, "time to load"),
            .string("fail_load", choices: ["missing_model", "wrong_model", "internal"], "fail while loading"),
            .string("crash_on", "abort \(trouble)"),
            .string("crash_once", "abort at a task's first attempt, \(trouble)"),
            .string("hang_on", "never answer, but go on beating, \(trouble)"),
            .string("freeze_on", "stop the whole process, \(trouble)"),
            .string("fail_on", "fail \(trouble)"),
            .bool("fail_retryable", default: false, "whether another attempt may succeed where fail_on strikes"),
            .string("nan_on", "answer a tensor with a NaN in it, \(trouble)"),
            .string("spoil_on", "append a byte to the picture's file, \(trouble)"),
            .string("remove_on", "remove the picture's file, \(trouble)"),
            .string("garbage_on", "write noise to stdout and to the coordinator's endpoint, then answer, \(trouble)"),
        ])

    private let options: ExpertOptions
    private let say: String?
    private let lines: [String]
    private let tensor: Bool, read: Bool, progress: Bool
    private let delay: Int
    let credit: Int

    init(options: ExpertOptions) throws {
        self.options = options
        say = options["say"] == nil ? nil : try options.string("say")
        lines = try options.strings("lines")
        tensor = try options.bool("tensor")
        read = try options.bool("read")
        progress = try options.bool("progress")
        delay = try options.int("delay_ms")
        credit = try options.int("credit")
        usleep(UInt32(try options.int("load_ms")) * 1000)
        switch options["fail_load"] {
        case .string("missing_model"): throw ExpertFailure.missingModel("expected a model, found none: fail_load says so")
        case .string("wrong_model"): throw ExpertFailure.wrongModel("expected another model: fail_load says so")
        case .some: throw ExpertFailure.internalFault("fail_load says so")
        case nil: break
        }
    }

    let models = [ExpertModel(role: "language", name: "none", fingerprint: "sha256:" + String(repeating: "0", count: 64))]

    func answer(_ task: ExpertTask) throws -> ExpertAnswer {
        try misbehave(task)
        let end = SuspendingClock.now.advanced(by: .milliseconds(delay))
        while delay > 0, .now < end {
            try task.checkCancelled()
            usleep(1000)
        }
        var answer = ExpertAnswer(text: say ?? echo(task), confidence: 1)
        if progress, let text = answer.text {
            for word in text.split(separator: " ", omittingEmptySubsequences: false) { task.report(text: word + " ") }
        }
        answer.lines = lines.enumerated().map { index, text in
            .with {
                $0.text = text
                $0.box = [0, Int32(10 * index), 100, 10]
                $0.confidence = 0.9
            }
        }
        if read, task.picture != nil { answer.facts["bytes"] = "\(try task.pictureBytes().count)" }
        if !task.inputs("visual").isEmpty { answer.facts["visual"] = "\(try task.tensor("visual").shape)" }
        if tensor { answer.tensors = [.init("echo", shape: [2, 3], [0, 1, 2, 3, 4, 5])] }
        if hits("nan_on", task) { answer.tensors = [.init("echo", shape: [2], [0, .nan])] }
        return answer
    }

    private func echo(_ task: ExpertTask) -> String {
        [task.item, task.question, task.text("context")].filter { !$0.isEmpty }.joined(separator: " | ")
    }

    private func hits(_ option: String, _ task: ExpertTask) -> Bool {
        guard case .string(let part) = options[option] else { return false }
        return task.item.contains(part)
    }

    private func misbehave(_ task: ExpertTask) throws {
        if hits("crash_on", task) || (task.attempt == 1 && hits("crash_once", task)) {
            Log.line("about to abort over \(task.item)")
            abort()
        }
        if hits("hang_on", task) {
            Log.line("about to hang over \(task.item)")
            while true { pause() }
        }
        if hits("freeze_on", task) { raise(SIGSTOP) }
        if hits("fail_on", task) {
            throw ExpertFailure(.internal, retryable: try options.bool("fail_retryable"), "fail_on says so, for \(task.item)")
        }
        if hits("garbage_on", task) { Noise.make() }
        if case .path(let path) = task.picture?.place {
            if hits("remove_on", task) { unlink(path) }
            if hits("spoil_on", task), let file = fopen(path, "a") {
                fputc(0, file)
                fclose(file)
            }
        }
    }
}
