import Foundation
import Wire

/// What other threads tell the coordinator's loop.
public final class Mailbox: Sendable {
    enum Letter: Sendable {
        case feed(FeedEvent)
        case written(Int, CoordinationError?)
        case interrupt
    }

    let waker: Waker
    private let lock = NSLock()
    nonisolated(unsafe) private var letters: [Letter] = []

    public init() throws { waker = try Waker() }

    /// Asks the run to stop; what is unfinished is taken up by the next run.
    public func interrupt() { put(.interrupt) }

    func put(_ letter: Letter) {
        let wasEmpty = lock.withLock {
            letters.append(letter)
            return letters.count == 1
        }
        if wasEmpty { waker.wake() }
    }

    func take() -> [Letter] {
        lock.withLock {
            defer { letters.removeAll(keepingCapacity: true) }
            return letters
        }
    }
}
