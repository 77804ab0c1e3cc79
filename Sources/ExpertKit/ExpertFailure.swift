import Wire

/// Why a task, or the loading, failed. The message says what was expected, what was found, and where.
public struct ExpertFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public typealias Code = Lorgnette_V1_FailureCode

    public let code: Code
    /// True if another attempt, perhaps by another worker, may succeed.
    public let retryable: Bool
    public let message: String

    public init(_ code: Code, retryable: Bool = false, _ message: String) {
        self.code = code
        self.retryable = retryable
        self.message = message
    }

    /// An ExpertFailure as it is; any other error as INTERNAL with its description.
    public init(_ error: any Error) {
        self = error as? ExpertFailure ?? ExpertFailure(.internal, "\(error)")
    }

    public var description: String { message }

    public static func badPicture(_ message: String) -> Self { .init(.badPicture, message) }
    public static func unsupportedPicture(_ message: String) -> Self { .init(.unsupportedPicture, message) }
    public static func pictureTooLarge(_ message: String) -> Self { .init(.pictureTooLarge, message) }
    public static func badInput(_ message: String) -> Self { .init(.badInput, message) }
    public static func badOption(_ message: String) -> Self { .init(.badOption, message) }
    public static func missingModel(_ message: String) -> Self { .init(.missingModel, message) }
    public static func wrongModel(_ message: String) -> Self { .init(.wrongModel, message) }
    public static func outOfMemory(_ message: String) -> Self { .init(.outOfMemory, retryable: true, message) }
    public static func internalFault(_ message: String) -> Self { .init(.internal, message) }
    public static func changed(_ message: String) -> Self { .init(.changed, message) }
    public static let cancelled = ExpertFailure(.cancelled, retryable: true, "cancelled by the coordinator")
}
