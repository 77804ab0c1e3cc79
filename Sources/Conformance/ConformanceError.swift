/// What keeps a check from being made at all. What is wrong with the worker is never one of these: it is a ``Report``'s line.
public enum ConformanceError: Error, Sendable, CustomStringConvertible {
    /// The picture to show cannot be read or written.
    case picture(String)
    /// There is no such stage in the pipeline.
    case noStage(String, among: [String])
    /// No check has such a name.
    case noCheck(String)
    /// A stage that feeds the worker gave no result.
    case feed(stage: String, reason: String)
    case interrupted

    public var description: String {
        switch self {
        case .picture(let reason): "picture \(reason)"
        case .noStage(let name, let others):
            "expected the name of a stage, found \"\(name)\"; stages: \(others.joined(separator: ", "))"
        case .noCheck(let name):
            "expected the name of a check, or what it begins with, found \"\(name)\"; --list shows them"
        case .feed(let stage, let reason): "stage \(stage), which feeds the worker: \(reason)"
        case .interrupted: "interrupted"
        }
    }
}

/// The worker broke the contract: what was expected, what was found.
struct Complaint: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
    init(expected: String, found: String) { description = "expected \(expected), found \(found)" }
}

/// Why a check cannot be made of this worker.
struct Unchecked: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
