public enum StageStatus: String, Sendable, Codable, Hashable {
    case ok, failed, skipped
}

/// Why a stage has no outcome.
public struct StageError: Sendable, Codable, Hashable {
    /// The wire's failure code without its prefix: `BAD_PICTURE`.
    public var code: String
    public var message: String

    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}

/// What became of one stage for one picture.
public struct StageReport: Sendable, Codable, Hashable {
    public var expert: String
    public var status: StageStatus
    public var outcome: StageOutcome?
    public var error: StageError?
    /// Why it was not run where that is no error: `when: text.words > 0`.
    public var reason: String?
    public var seconds: Double
    public var attempts: Int
    /// Taken from the ledger.
    public var cached: Bool
    /// Fingerprint of the expert's main model.
    public var model: String?

    public init(
        expert: String, status: StageStatus, outcome: StageOutcome? = nil, error: StageError? = nil,
        reason: String? = nil, seconds: Double = 0, attempts: Int = 0, cached: Bool = false, model: String? = nil
    ) {
        self.expert = expert
        self.status = status
        self.outcome = outcome
        self.error = error
        self.reason = reason
        self.seconds = seconds
        self.attempts = attempts
        self.cached = cached
        self.model = model
    }
}
