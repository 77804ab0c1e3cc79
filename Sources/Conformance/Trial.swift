import Wire

/// One thing that is tried on the worker.
struct Trial: Sendable {
    /// Group and name, with a dot: what `--only` selects.
    let name: String
    /// What the contract says.
    let about: String
    /// It ends the worker or needs a new one: not for one that runs elsewhere.
    var endsWorker = false
    /// - Throws: ``Complaint``, or ``Unchecked`` where it cannot be tried; other errors end the whole check.
    let run: @Sendable (Bench) throws -> Void

    /// In this order: what a later one needs is tried first.
    static let all: [Trial] = greeting + loading + answering + pictures + inputs + credit + cancelling + noise + ending

    /// Tried whatever is selected, since nothing can be said without them.
    static let basic: Set<String> = ["hello.said", "ready.said", "task.answered"]
}

extension Conversation.Answer {
    /// For a message.
    var words: String {
        switch self {
        case .result: "a Result"
        case .failure(let failure):
            "Failure(\(failure.code.word)\(failure.retryable ? ", retryable" : "")): \(failure.message)"
        }
    }

    /// - Throws: ``Complaint`` unless it is a Failure with one of these codes.
    func mustFail(_ codes: [Lorgnette_V1_FailureCode], _ what: String) throws {
        if case .failure(let failure) = self, codes.contains(failure.code) { return }
        let wanted = codes.map { "Failure(\($0.word))" }.joined(separator: " or ")
        throw Complaint(expected: "\(wanted) for \(what)", found: words)
    }

    /// - Throws: ``Complaint`` unless it is a Result, or a retryable Failure of the code.
    func mustSucceed(orFail code: Lorgnette_V1_FailureCode? = nil, _ what: String) throws {
        if case .result = self { return }
        if case .failure(let failure) = self, let code, failure.code == code, failure.retryable { return }
        let other = code.map { " or a retryable Failure(\($0.word))" } ?? ""
        throw Complaint(expected: "a Result\(other) for \(what)", found: words)
    }
}
