import Glibc
import Synchronization

/// Whether somebody asked the program to end (SIGINT, SIGTERM): a step is finished and its state kept first. Asked
/// twice, the program ends at once, which loses no more than the steps since the last state.
struct EndRequest {
    private static let asked = Atomic<Int>(0)

    init() {
        // A child begins with the mask of the thread that started it, and runtimes' pool threads block nearly everything.
        var ours = sigset_t()
        sigemptyset(&ours)
        for signal in [SIGINT, SIGTERM] {
            Glibc.signal(signal) { _ in
                if EndRequest.asked.add(1, ordering: .relaxed).newValue > 1 { _exit(130) }
            }
            sigaddset(&ours, signal)
        }
        pthread_sigmask(SIG_UNBLOCK, &ours, nil)
    }

    var isAsked: Bool { Self.asked.load(ordering: .relaxed) > 0 }
}
