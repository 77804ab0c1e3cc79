import CZeroMQ
import Glibc

/// The bond between a worker and the coordinator that started it.
public enum ParentProcess {
    /// Asks the kernel to kill this process when its parent ends, even if it is stopped or hangs. Returns false if the
    /// coordinator with process number `coordinator` has ended already.
    ///
    /// The kernel's parent is the *thread* that started us: a coordinator must start workers on a thread that outlives them.
    public static func dieWithParent(coordinator: pid_t) -> Bool {
        lorgnette_die_with_parent()
        // It may have ended before the line above. Behind a wrapper (a shell, a launcher) our parent is another, living process.
        return getppid() == coordinator || kill(coordinator, 0) == 0 || errno == EPERM
    }
}
