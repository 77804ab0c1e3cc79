/// How a worker process ends (numbers from sysexits.h where one fits).
public enum ExitCode: Int32, Sendable {
    /// It was asked to end, finished what it held, and said Goodbye.
    case drained = 0
    /// The command line.
    case usage = 64
    case wrongModel = 65
    case missingModel = 66
    /// The coordinator fell silent or its process ended.
    case coordinatorLost = 69
    case internalFault = 70
    case outOfMemory = 71
    /// Nobody answered Hello.
    case unanswered = 75
    /// Another protocol version, or refused by the coordinator.
    case refused = 76
    case badOption = 78

    /// For a failure of loading.
    init(_ failure: ExpertFailure) {
        switch failure.code {
        case .badOption: self = .badOption
        case .missingModel: self = .missingModel
        case .wrongModel: self = .wrongModel
        case .outOfMemory: self = .outOfMemory
        default: self = .internalFault
        }
    }
}
