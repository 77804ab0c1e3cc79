/// What every message of a worker must keep to, whatever it is asked; a ``Referee`` judges it as the messages come.
enum Rule: String, CaseIterable, Sendable {
    case epoch = "message.epoch"
    case protocolNumber = "message.protocol"
    case readable = "message.readable"
    case service = "hello.service"
    case workerName = "hello.worker"
    case ports = "hello.ports"
    case options = "hello.options"
    case concurrency = "hello.concurrency"
    case readyOnce = "ready.once"
    case credit = "ready.credit"
    case models = "ready.models"
    case once = "task.once"
    case addressed = "task.addressed"
    case progress = "task.progress"
    case typedFailure = "failure.typed"
    case outputs = "result.outputs"
    case boxes = "result.boxes"
    case confidence = "result.confidence"
    case tensors = "result.tensors"
    case pictureFacts = "result.picture"
    case beatsWhileLoading = "heartbeat.loading"
    case beatsWhileWorking = "heartbeat.working"
    case lastWords = "goodbye.last"

    var name: String { rawValue }

    /// What the contract says.
    var about: String {
        switch self {
        case .epoch: "one epoch, not 0, is in all messages of a process"
        case .protocolNumber: "every Envelope says protocol 1"
        case .readable: "every message is an Envelope within the limits"
        case .service: "the service is one word"
        case .workerName: "Hello repeats LORGNETTE_WORKER"
        case .ports: "ports have a kind and a name of their own"
        case .options: "options have a type, a name of their own and a default that fits"
        case .concurrency: "the concurrency is at least 1"
        case .readyOnce: "Ready comes once, after Welcome"
        case .credit: "the credit is at least 1"
        case .models: "models have a role, a file name and a sha256: fingerprint"
        case .once: "a task has one answer"
        case .addressed: "an answer has the id and attempt of a task"
        case .progress: "Progress is of a task that is open"
        case .typedFailure: "a Failure has a code and a message"
        case .outputs: "a Result has what Hello promised"
        case .boxes: "regions lie inside the picture"
        case .confidence: "confidences lie between 0 and 1"
        case .tensors: "tensors have the bytes of their shape, all finite"
        case .pictureFacts: "the picture's size is its true one"
        case .beatsWhileLoading: "it beats while it loads"
        case .beatsWhileWorking: "it beats while it works"
        case .lastWords: "nothing comes after Goodbye"
        }
    }

    /// Why there was nothing to judge.
    var unseen: String {
        switch self {
        case .models: "it names no models"
        case .progress: "it reported no progress"
        case .typedFailure: "it sent no Failure"
        case .boxes: "no Result had regions; --picture shows it another picture"
        case .confidence: "no Result had a confidence"
        case .tensors: "no Result had tensors"
        case .pictureFacts: "no Result had facts of the picture"
        case .beatsWhileLoading: "it loads before a heartbeat is due"
        case .beatsWhileWorking: "it answers before a heartbeat is due"
        case .outputs: "there was no Result"
        case .readyOnce, .credit: "it never got ready"
        case .once, .addressed: "it answered no task"
        case .lastWords: "it never said Goodbye"
        case .workerName: "it said no Hello, or was not started here"
        case .epoch, .protocolNumber, .readable, .service, .ports, .options, .concurrency:
            "it said no Hello"
        }
    }
}

/// How the rules fared, in one conversation or in all of them.
struct Findings: Sendable {
    private(set) var faults: [Rule: String] = [:]
    private(set) var seen: Set<Rule> = []

    /// The first fault of a rule is the one that is told.
    mutating func judge(_ rule: Rule, _ fault: String?) {
        seen.insert(rule)
        if let fault, faults[rule] == nil { faults[rule] = fault }
    }

    mutating func add(_ other: Findings) {
        seen.formUnion(other.seen)
        faults.merge(other.faults) { first, _ in first }
    }

    func verdict(_ rule: Rule) -> Verdict {
        if let fault = faults[rule] { return .failed(fault) }
        return seen.contains(rule) ? .ok : .notChecked(rule.unseen)
    }
}
