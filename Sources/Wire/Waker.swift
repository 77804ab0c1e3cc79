import CZeroMQ
import Glibc
import Synchronization

/// Wakes a socket's owner out of ``Poller/wait(_:waker:timeout:writable:)`` from any thread.
public final class Waker: Sendable {
    let descriptor: Int32
    private let pending = Atomic<Bool>(false)

    /// - Throws: ``WireError/system(operation:subject:code:)`` if no file descriptor is left.
    public init() throws(WireError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        if descriptor < 0 { throw .system(operation: "eventfd", subject: "", code: errno) }
    }

    deinit { close(descriptor) }

    /// Makes the owner's wait return, now or at its next call. Calls before that count once.
    public func wake() {
        if !pending.exchange(true, ordering: .acquiringAndReleasing) { eventfd_write(descriptor, 1) }
    }

    /// The owner's half: look at what the wakers left only after this. The poller has called it when it reports `.waker`.
    public func drain() {
        var count: eventfd_t = 0
        eventfd_read(descriptor, &count)
        // Cleared after the read: a wake in between is seen by the owner, who looks after this line.
        pending.store(false, ordering: .sequentiallyConsistent)
    }
}
