import Glibc

/// A folder that is gone when the test is.
final class TemporaryFolder {
    let path: String

    init() {
        var template = Array("\(String(cString: getenv("TMPDIR") ?? strdup("/tmp")))/checkpoints-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template))
    }

    deinit {
        for name in written { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    private var written: Set<String> = []

    /// The path of a file that someone else will write.
    func place(_ name: String) -> String {
        written.insert(name)
        return "\(path)/\(name)"
    }

    /// Writes a file, replacing one of that name, and returns its path.
    func write(_ name: String, _ bytes: [UInt8]) -> String {
        written.insert(name)
        let file = "\(path)/\(name)"
        // A file that is mapped must not change: the old one keeps its bytes.
        unlink(file)
        let descriptor = open(file, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            done += bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done) }
        }
        return file
    }
}
