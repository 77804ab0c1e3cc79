import Glibc

/// A folder of mode 0700 for the sockets of one process, with a lock that proves that its owner lives.
///
/// The kernel drops the lock when the owner ends, in whatever way; the next owner removes what such owners left.
public final class PrivateDirectory {
    public let path: String
    private let lock: Int32
    private var isClosed = false

    private static let prefix = "lorgnette-"
    private static let lockName = "lock"
    /// Between a folder's making and its locking lies an instant; a folder without a lock file is left alone for this long.
    private static let graceSeconds = 60

    /// Makes one under `parent`: by default XDG_RUNTIME_DIR if that can be used, else /tmp.
    /// - Throws: ``WireError/directory(path:reason:)``.
    public convenience init() throws(WireError) {
        if let base = getenv("XDG_RUNTIME_DIR").map({ String(cString: $0) }), base.hasPrefix("/"),
            base.utf8.count <= 64, access(base, W_OK | X_OK) == 0
        {
            try self.init(parent: base)
        } else {
            try self.init(parent: "/tmp")
        }
    }

    public init(parent: String) throws(WireError) {
        PrivateDirectory.removeStale(parent: parent)
        var template = Array("\(parent)/\(PrivateDirectory.prefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .directory(path: parent, reason: "a folder cannot be made in it: \(String(cString: strerror(errno)))")
        }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        // Close-on-exec: a worker that inherited the lock would keep it for a dead owner.
        lock = open("\(path)/\(PrivateDirectory.lockName)", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let reason = String(cString: strerror(errno))
            if lock >= 0 { Glibc.close(lock) }
            throw .directory(path: path, reason: "its lock cannot be taken: \(reason)")
        }
    }

    deinit { close() }

    /// An ipc endpoint inside.
    /// - Throws: ``WireError/endpoint(text:reason:)`` if the path is too long for a Unix socket.
    public func endpoint(_ name: String) throws(WireError) -> Endpoint { try Endpoint("ipc://\(path)/\(name)") }

    /// Removes the folder; close its sockets first.
    public func close() {
        if isClosed { return }
        isClosed = true
        PrivateDirectory.remove(path)
        Glibc.close(lock)
    }

    /// Removes the folders of owners that are dead. What belongs to another user or to a living owner is not touched.
    static func removeStale(parent: String) {
        guard let listing = opendir(parent) else { return }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.hasPrefix(prefix) else { continue }
            let path = "\(parent)/\(name)"
            var facts = stat()
            guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == geteuid(),
                facts.st_mode & 0o777 == 0o700
            else { continue }
            let lock = open("\(path)/\(lockName)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            if lock < 0 {
                if errno == ENOENT, time(nil) - facts.st_mtim.tv_sec > graceSeconds { remove(path) }
                continue
            }
            // An empty lock file that nobody holds may be one that its owner is about to lock: it gets the same grace.
            var lockFacts = stat()
            let young = fstat(lock, &lockFacts) == 0 && time(nil) - lockFacts.st_mtim.tv_sec <= 1
            if !young, flock(lock, LOCK_EX | LOCK_NB) == 0 { remove(path) }
            Glibc.close(lock)
        }
    }

    /// Flat on purpose: we make no folders inside, and a walk could be led astray.
    private static func remove(_ path: String) {
        if let listing = opendir(path) {
            while let entry = readdir(listing) { unlinkat(dirfd(listing), &entry.pointee.d_name.0, 0) }
            closedir(listing)
        }
        rmdir(path)
    }
}
