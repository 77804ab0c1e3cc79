import Glibc

/// What can stop a run as a whole. A single input's trouble is never one of these: it is a result line.
public enum CoordinationError: Error, Sendable, CustomStringConvertible {
    /// No program for an expert; `searched` are the places looked at.
    case missingExpert(stage: String, expert: String, searched: [String])
    /// A worker could not load: a model file is missing or of the wrong kind, an option is refused.
    case cannotLoad(stage: String, code: String, message: String)
    /// A worker's process ends again and again before it is ready.
    case keepsDying(stage: String, attempts: Int, reason: String)
    /// A worker never said Hello, or never got ready.
    case notReady(stage: String, seconds: Int, hint: String)
    /// A worker speaks another version of the protocol, or says something that makes no sense at that point.
    case refused(stage: String, message: String)
    /// A worker's address cannot be used: its text, its key, or our own key.
    case address(stage: String, message: String)
    case noSuchInput(path: String, reason: String)
    case duplicateInput(name: String, first: String, second: String)
    case output(path: String, reason: String)
    /// Another coordinator works on the same output folder.
    case busy(path: String)
    case ledger(path: String, reason: String)
    case spawn(command: String, reason: String)
    /// The machine has too few open files or too little memory left.
    case exhausted(String)

    public var description: String {
        switch self {
        case .missingExpert(let stage, let expert, let searched):
            "stage \(stage): no program for expert \(expert); looked for \(searched.joined(separator: ", "))"
        case .cannotLoad(let stage, let code, let message): "stage \(stage): \(message) [\(code)]"
        case .keepsDying(let stage, let attempts, let reason):
            "stage \(stage): its worker ended \(attempts) times before it was ready; last: \(reason)"
        case .notReady(let stage, let seconds, let hint):
            "stage \(stage): its worker was not ready after \(seconds) s\(hint.isEmpty ? "" : "; \(hint)")"
        case .refused(let stage, let message): "stage \(stage): worker refused: \(message)"
        case .address(let stage, let message): "stage \(stage): at: \(message)"
        case .noSuchInput(let path, let reason): "input \(path): \(reason)"
        case .duplicateInput(let name, let first, let second):
            "two inputs would share the name \(name) in the results: \(first) and \(second)"
        case .output(let path, let reason): "output \(path): \(reason)"
        case .busy(let path): "output \(path): another run is working on it (its lock is held)"
        case .ledger(let path, let reason): "ledger \(path): \(reason)"
        case .spawn(let command, let reason): "cannot start \(command): \(reason)"
        case .exhausted(let what): what
        }
    }

    /// True if the machine is to blame: a full disk, a folder that cannot be written to, no more open files.
    public var isMachineTrouble: Bool {
        switch self {
        case .output, .ledger, .exhausted: true
        default: false
        }
    }

    /// True if something that the run needs is not installed: an expert's program or a model.
    public var isMissingPart: Bool {
        switch self {
        case .missingExpert, .keepsDying, .notReady: true
        case .cannotLoad(_, let code, _): code == "missing_model"
        default: false
        }
    }
}

/// The last system error, in words.
func systemError(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
