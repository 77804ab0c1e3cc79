import Locks
import Wire

/// What compute threads leave for the socket's owner.
final class Mailbox: Sendable {
    private let events = Locked<[WorkerSession.Event]>([])
    private let waker: Waker

    init(waker: Waker) { self.waker = waker }

    func put(_ event: WorkerSession.Event) {
        events.withLock { $0.append(event) }
        waker.wake()
    }

    func takeAll() -> [WorkerSession.Event] {
        events.withLock { events in
            defer { events = [] }
            return events
        }
    }
}
