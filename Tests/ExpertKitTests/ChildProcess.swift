import Glibc

/// A child of a test.
final class ChildProcess {
    let pid: pid_t

    struct NotStarted: Error { let code: Int32 }

    /// - Parameters:
    ///   - environment: on top of the test's own.
    ///   - output: a file that takes its stdout.
    init(_ arguments: [String], environment: [String: String] = [:], output: String = "/dev/null") throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var variables: [String] = []
        var entry = environ
        while let variable = entry.pointee {
            variables.append(String(cString: variable))
            entry += 1
        }
        variables.removeAll { $0.hasPrefix("LORGNETTE_") }
        variables += environment.map { "\($0.key)=\($0.value)" }
        let argv = arguments.map { strdup($0) } + [nil]
        let envp = variables.map { strdup($0) } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, arguments[0], &actions, nil, argv, envp)
        if code != 0 { throw NotStarted(code: code) }
        self.pid = pid
    }

    func signal(_ number: Int32) { kill(pid, number) }

    enum End: Equatable {
        case exit(Int32)
        case signal(Int32)
    }

    func wait() -> End {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7f == 0 ? .exit((status >> 8) & 0xff) : .signal(status & 0x7f)
    }

    /// Beside the test's own executable, nil if it was not built.
    static let rehearsal: String? = {
        guard let path = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(path) }
        let program = String(cString: path)
        let sibling = program.prefix(upTo: program.lastIndex(of: "/") ?? program.startIndex) + "/lorgnette-rehearsal"
        return access(String(sibling), X_OK) == 0 ? String(sibling) : nil
    }()
}
