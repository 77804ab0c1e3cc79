import Glibc

/// A worker's process: its own process group, its output in a log file, its end noticed without waiting.
///
/// It is spawned with `posix_spawn` and not with swift-subprocess, whose children on Linux cannot be given a signal for
/// their parent's death. `spawn` must be called from a thread that lives as long as the worker should: the kernel ties
/// the death signal to the thread.
public final class ExpertProcess {
    public let name: String
    public let identifier: pid_t
    public let log: String
    private(set) var ending: String?

    private init(name: String, identifier: pid_t, log: String) {
        self.name = name
        self.identifier = identifier
        self.log = log
    }

    /// - Parameters:
    ///   - command: program (a path) and arguments.
    ///   - environment: added to, or replacing, our own.
    ///   - log: receives standard output and standard error; emptied first.
    public static func spawn(
        name: String, command: [String], environment: [String: String], log: String
    ) throws(CoordinationError) -> ExpertProcess {
        let descriptor = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .output(path: log, reason: systemError()) }
        defer { close(descriptor) }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, descriptor, 1)
        posix_spawn_file_actions_adddup2(&actions, descriptor, 2)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        var identifier: pid_t = 0
        let code = withCStrings(command) { arguments in
            withCStrings(merged(environment)) {
                posix_spawnp(&identifier, command[0], &actions, &attributes, arguments, $0)
            }
        }
        guard code == 0 else { throw .spawn(command: command.joined(separator: " "), reason: systemError(code)) }
        return ExpertProcess(name: name, identifier: identifier, log: log)
    }

    /// How the process ended, in words; nil while it lives. Never waits.
    public func poll() -> String? {
        if let ending { return ending }
        var status: Int32 = 0
        guard waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
        let signal = status & 0x7F
        let text = signal == 0 ? "exit status \((status >> 8) & 0xFF)" : "killed by signal \(signal)"
        ending = text
        // What the worker may have started itself goes with it.
        Glibc.kill(-identifier, SIGKILL)
        return text
    }

    /// Ends the whole process group.
    public func kill(_ signal: Int32 = SIGKILL) {
        guard ending == nil else { return }
        if Glibc.kill(-identifier, signal) != 0 { Glibc.kill(identifier, signal) }
    }

    /// The last lines of the log, for a message: at most `limit` bytes, control characters taken out.
    public func logTail(limit: Int = 400) -> String {
        let descriptor = open(log, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = pread(descriptor, &buffer, buffer.count, max(0, size - off_t(buffer.count)))
        return Self.words(of: buffer[..<max(0, count)], limit: limit)
    }

    /// What a log says last. The backtrace of a Swift program would be all of it: what stands before that says more.
    static func words(of log: ArraySlice<UInt8>, limit: Int) -> String {
        let lines = log.split(separator: UInt8(ascii: "\n"))
        let told = lines.prefix { !$0.starts(with: "*** Signal ".utf8) && !$0.starts(with: "\u{1F4A3} ".utf8) }
            .filter { !$0.starts(with: "swift-runtime: ".utf8) }
        let text = (told.isEmpty ? lines[...] : told[...]).joined(separator: [0x20]).suffix(limit)
        let clean = String(decoding: text, as: UTF8.self).unicodeScalars.map {
            $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0)
        }
        return String(clean).split(separator: " ").joined(separator: " ")
    }

    private static func merged(_ additions: [String: String]) -> [String] {
        var variables: [String] = []
        var pointer = environ
        while let entry = pointer.pointee {
            let text = String(cString: entry)
            if additions[String(text.prefix { $0 != "=" })] == nil { variables.append(text) }
            pointer += 1
        }
        return variables + additions.map { "\($0.key)=\($0.value)" }
    }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<R>(_ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R) -> R {
    let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return copies.withUnsafeBufferPointer { body($0.baseAddress!) }
}
