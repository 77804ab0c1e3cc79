import Glibc

/// The folder a run writes to: `results.jsonl`, the ledger, the workers' logs, and a lock that keeps a second
/// coordinator out. The lock goes with the process, however it ends.
public final class OutputFolder: @unchecked Sendable {
    public let path: String
    private let lock: Int32

    public var results: String { "\(path)/results.jsonl" }
    public var ledger: String { "\(path)/ledger.sqlite" }
    public var logs: String { "\(path)/logs" }
    public var status: String { "\(path)/status.json" }

    /// Whether a coordinator works in the folder at this moment.
    public static func isBusy(_ path: String) -> Bool {
        let lock = open("\(path)/.lock", O_RDONLY | O_CLOEXEC)
        guard lock >= 0 else { return false }
        defer { close(lock) }
        return flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// Creates the folder where it is missing, with its parents.
    public init(_ path: String) throws(CoordinationError) {
        self.path = path
        var prefix = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/") {
            prefix += "/\(component)"
            guard mkdir(prefix, 0o755) == 0 || errno == EEXIST else {
                throw .output(path: prefix, reason: systemError())
            }
        }
        // What is written here stays here.
        for name in [
            "results.jsonl", "results.jsonl.new", "ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "logs",
            ".lock", "status.json", "status.json.new",
        ] {
            var info = stat()
            guard lstat("\(path)/\(name)", &info) != 0 || info.st_mode & S_IFMT != S_IFLNK else {
                throw .output(path: "\(path)/\(name)", reason: "a link; results are not written through links")
            }
        }
        lock = open("\(path)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw .output(path: path, reason: systemError()) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw .busy(path: path) }
    }

    deinit { close(lock) }
}
