import CZeroMQ
import Glibc

/// A plain thread, for what must not block Swift's cooperative pool: a socket's owner, a worker's computation.
public final class DedicatedThread: @unchecked Sendable {
    private var thread = pthread_t()

    private final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts `body` at once. `name` is cut to 15 bytes, the system's limit. Join it exactly once.
    /// - Throws: ``WireError/system(operation:subject:code:)`` if the system has no thread left.
    public init(name: String, stackBytes: Int = 8 << 20, _ body: @escaping @Sendable () -> Void) throws(WireError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackBytes)
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        let code = pthread_create(
            &thread, &attributes,
            { raw in
                let start = Unmanaged<Start>.fromOpaque(raw!).takeRetainedValue()
                lorgnette_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        if code != 0 {
            start.release()
            throw .system(operation: "start thread", subject: name, code: code)
        }
    }

    /// Waits for the body's end.
    public func join() { pthread_join(thread, nil) }

    /// Lets it run on its own; it must not be joined afterwards.
    public func detach() { pthread_detach(thread) }
}
