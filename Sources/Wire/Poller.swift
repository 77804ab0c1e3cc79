import CZeroMQ
import Glibc

/// Waits for a socket and a ``Waker`` together, on the socket's own thread.
public enum Poller {
    public struct Ready: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }
        /// `receive()` has something.
        public static let readable = Ready(rawValue: 1)
        /// `send` to some peer would succeed; only reported if asked for.
        public static let writable = Ready(rawValue: 2)
        /// Somebody called `wake()`; already drained.
        public static let waker = Ready(rawValue: 4)
    }

    /// Returns at the first event, after `timeout` (nil: never), or, with nothing ready, when a signal arrived.
    /// - Throws: ``WireError`` if the socket is closed.
    public static func wait(
        _ socket: some PollableSocket, waker: Waker, timeout: Duration?, writable: Bool = false
    ) throws(WireError) -> Ready {
        let events = Int16(ZMQ_POLLIN) | (writable ? Int16(ZMQ_POLLOUT) : 0)
        let result = withUnsafeTemporaryAllocation(of: zmq_pollitem_t.self, capacity: 2) { items -> Result<Ready, WireError> in
            items.initializeElement(at: 0, to: zmq_pollitem_t(socket: socket.handle.raw, fd: 0, events: events, revents: 0))
            items.initializeElement(
                at: 1, to: zmq_pollitem_t(socket: nil, fd: waker.descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
            if zmq_poll(items.baseAddress, 2, milliseconds(timeout)) < 0 {
                return zmq_errno() == EINTR ? .success([]) : .failure(.last("zmq_poll"))
            }
            var ready: Ready = []
            if items[0].revents & Int16(ZMQ_POLLIN) != 0 { ready.insert(.readable) }
            if items[0].revents & Int16(ZMQ_POLLOUT) != 0 { ready.insert(.writable) }
            if items[1].revents != 0 { ready.insert(.waker) }
            return .success(ready)
        }
        let ready = try result.get()
        if ready.contains(.waker) { waker.drain() }
        return ready
    }

    /// Rounded up, so that a deadline has passed when the wait for it returns.
    private static func milliseconds(_ timeout: Duration?) -> Int {
        guard let timeout else { return -1 }
        if timeout <= .zero { return 0 }
        let (seconds, attoseconds) = timeout.components
        return seconds > 86_400
            ? 86_400_000 : Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

/// A ``Poller`` for one who asks and waits for answers: it looks for a moment before it sleeps, if the last answer came as soon.
///
/// Waking processors that are halted took a virtual machine longer than all the rest of an empty task's way.
public struct EagerPoller {
    /// How long it looks.
    static let moment = Duration.microseconds(100)
    /// A wait as short as this is worth looking at the next time: a moment, and the waking that looking spares.
    static let short = Duration.microseconds(200)

    private(set) var isEager = false

    public init() {}

    /// As ``Poller/wait(_:waker:timeout:writable:)``.
    public mutating func wait(
        _ socket: some PollableSocket, waker: Waker, timeout: Duration?, writable: Bool = false
    ) throws(WireError) -> Poller.Ready {
        let begin = SuspendingClock.now
        let end = begin + min(EagerPoller.moment, timeout ?? EagerPoller.moment)
        var ready: Poller.Ready = []
        while isEager, ready.isEmpty, .now < end {
            ready = try Poller.wait(socket, waker: waker, timeout: .zero, writable: writable)
            // Whoever is to answer may need this processor.
            if ready.isEmpty { sched_yield() }
        }
        if ready.isEmpty { ready = try Poller.wait(socket, waker: waker, timeout: timeout, writable: writable) }
        isEager = EagerPoller.isWorthLooking(after: ready, waited: begin.duration(to: .now))
        return ready
    }

    static func isWorthLooking(after ready: Poller.Ready, waited: Duration) -> Bool { !ready.isEmpty && waited < short }
}

/// A socket that ``Poller`` can wait for.
public protocol PollableSocket: AnyObject {
    var handle: SocketHandle { get }
}
