import Glibc
import Synchronization

/// Whether somebody asked the program to end (SIGINT, SIGTERM): a step is finished and its state kept first. Asked
/// twice, the program ends at once, which loses no more than the steps since the last state.
struct EndRequest {
    private static let asked = Atomic<Int>(0)

    init() {
        for signal in [SIGINT, SIGTERM] {
            Glibc.signal(signal) { _ in
                if EndRequest.asked.add(1, ordering: .relaxed).newValue > 1 { _exit(130) }
            }
        }
    }

    var isAsked: Bool { Self.asked.load(ordering: .relaxed) > 0 }
}
