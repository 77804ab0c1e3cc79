import Pipelines

/// How far a run is. The counts add up to the inputs looked at.
public struct RunStatus: Sendable, Equatable {
    /// Inputs by how they ended, those of former runs included.
    public private(set) var counts: [ItemStatus: Int] = [:]
    /// Of those, inputs that a former run had done.
    public private(set) var kept = 0
    public internal(set) var open = 0
    public internal(set) var elapsed = Duration.zero
    public internal(set) var interrupted = false

    public init() {}

    public var total: Int { counts.values.reduce(0, +) }
    public subscript(status: ItemStatus) -> Int { counts[status] ?? 0 }

    mutating func count(_ status: ItemStatus, kept isKept: Bool) {
        counts[status, default: 0] += 1
        if isKept { kept += 1 }
    }
}

/// Sees a run from the coordinator's thread; every call returns at once.
public protocol RunObserver: AnyObject {
    /// Called at least every 50 ms.
    func update(_ status: RunStatus)
    /// Newly generated text of the answer. A higher attempt than before begins again.
    func progress(_ text: String, attempt: Int)
    func failed(_ item: String, _ error: ItemError)
    /// Something that a person may want to know of the run itself.
    func note(_ text: String)
}
