import Glibc

/// Open files that a run needs: some for itself, some for each worker's link and log.
enum OpenFiles {
    /// Raises this process's limit as far as it may where it is lower; libzmq ends the process when it finds none left.
    static func ensure(workers: Int) throws(CoordinationError) {
        let needed = rlim_t(64 + 4 * workers)
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < needed else {
            return
        }
        limit.rlim_cur = min(needed, limit.rlim_max)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        guard limit.rlim_cur >= needed else {
            throw .exhausted(
                "expected that this process may open \(needed) files for \(workers) workers, found \(limit.rlim_cur) (ulimit -n)"
            )
        }
    }
}
