/// What can go wrong before and while an adapter is trained.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
    /// An adapter of such numbers cannot be.
    case plan([String])
    /// The tensors of a file are not those of the adapter that is to be trained further; every fault.
    case adapter([String])
    /// A loss or gradient that is no number. What was learned before is kept.
    case notANumber(what: String)

    public var description: String {
        switch self {
        case .plan(let faults): "adapter: " + faults.joined(separator: "; ")
        case .adapter(let faults): faults.prefix(12).joined(separator: "\n") + (faults.count > 12 ? "\n…" : "")
        case .notANumber(let what): "\(what): expected a number, found none"
        }
    }
}
