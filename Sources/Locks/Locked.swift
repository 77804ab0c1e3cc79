import Glibc

/// A value that one thread at a time uses, behind a POSIX mutex.
///
/// Swift's own `Mutex` is a futex in the runtime, which the thread sanitizer does not know: it takes whatever lies behind one
/// for unguarded. It knows this one, so what it reports is a race, and what lies behind a lock is looked at, too.
public final class Locked<Value>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value

    public init(_ value: sending Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// What `body` returns, who has the value alone until then. Not to be called within `body`.
    public func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
