import Glibc
import Synchronization
import Wire

/// SIGTERM asks to drain; a second one, or a second SIGINT, ends at once.
///
/// A first SIGINT comes from the terminal to the whole group: a worker that a coordinator started leaves the decision to
/// it, one that a person started drains.
enum EndSignals {
    private static let terminations = Atomic<Int>(0)
    private static let interruptions = Atomic<Int>(0)
    // Set once before the handlers are installed, and only read afterwards.
    nonisolated(unsafe) private static var waker: Waker?

    static func install(waker: Waker) {
        self.waker = waker
        _ = (terminations.load(ordering: .relaxed), interruptions.load(ordering: .relaxed))
        var action = sigaction()
        // Only what may be called in a handler: atomics, write (inside wake), _exit.
        action.__sigaction_handler.sa_handler = { signal in
            let counter =
                signal == SIGTERM
                ? EndSignals.terminations.add(1, ordering: .relaxed) : EndSignals.interruptions.add(1, ordering: .relaxed)
            if counter.newValue >= 2 { _exit(128 + signal) }
            EndSignals.waker?.wake()
        }
        sigaction(SIGTERM, &action, nil)
        sigaction(SIGINT, &action, nil)
        // A child begins with the mask of the thread that started it, and runtimes' pool threads block nearly everything.
        var ours = sigset_t()
        sigemptyset(&ours)
        sigaddset(&ours, SIGTERM)
        sigaddset(&ours, SIGINT)
        pthread_sigmask(SIG_UNBLOCK, &ours, nil)
        // A log line to a coordinator that is gone must not kill us before we have ended in order.
        signal(SIGPIPE, SIG_IGN)
    }

    static func isAskedToEnd(interruptionCounts: Bool) -> Bool {
        terminations.load(ordering: .relaxed) > 0 || (interruptionCounts && interruptions.load(ordering: .relaxed) > 0)
    }
}
