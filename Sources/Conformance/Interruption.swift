import Synchronization
import Wire

/// Lets another thread end a check early.
public final class Interruption: Sendable {
    let waker: Waker
    private let isSet = Atomic<Bool>(false)

    /// - Throws: `WireError` if the system has no descriptor left.
    public init() throws { waker = try Waker() }

    var isRequested: Bool { isSet.load(ordering: .relaxed) }

    public func request() {
        isSet.store(true, ordering: .relaxed)
        waker.wake()
    }
}
