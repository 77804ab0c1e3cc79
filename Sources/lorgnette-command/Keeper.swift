import Glibc
import Wire

/// A process between the worker and the program that it runs: the program's parent, and the leader of a process group that
/// holds nothing else. When the worker ends, however it ends, the keeper ends the whole group.
///
/// The worker holds the writing end of a pipe and never writes; the keeper reads the other end as its standard input, and
/// what it comes to there is the worker's end. It is this same executable, started with other arguments.
enum Keeper {
    /// The first argument; then the program's memory limit in MiB (0: none), the program, its arguments.
    static let word = "--keep"

    /// Runs the program, and ends as it ended: with its exit status, or by the signal that ended it.
    static func run(_ arguments: [String]) -> Never {
        guard arguments.count >= 2, let megabytes = UInt(arguments[0]) else {
            fail("expected a limit and a program", 64)
        }
        // The worker has made it the leader already; whom else it would end, nobody could say.
        setpgid(0, 0)
        guard getpgrp() == getpid() else { fail("not the leader of a process group", 70) }
        let watch = try? DedicatedThread(name: "watch") {
            var byte = UInt8(0)
            var count = 1
            repeat { count = read(STDIN_FILENO, &byte, 1) } while count > 0 || (count < 0 && errno == EINTR)
            // The keeper's own group: the program, its children, itself.
            kill(0, SIGKILL)
        }
        guard let watch else { fail("cannot watch over the program", 71) }
        watch.detach()
        limit(megabytes)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        var identifier: pid_t = 0
        let code = CStrings.with(Array(arguments.dropFirst())) {
            posix_spawn(&identifier, arguments[1], &actions, nil, $0, environ)
        }
        guard code == 0 else { fail("\(arguments[1]): \(String(cString: strerror(code)))", code == ENOENT ? 127 : 126) }
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7F
        guard signal != 0 else { _exit(status >> 8 & 0xFF) }
        Glibc.signal(signal, SIG_DFL)
        raise(signal)
        _exit(128 + signal)
    }

    /// Inherited by the program. Data and not address space: runtimes reserve addresses by the gigabyte that they never use.
    private static func limit(_ megabytes: UInt) {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        guard megabytes > 0 else { return }
        var most = rlimit(rlim_cur: rlim_t(megabytes) << 20, rlim_max: rlim_t(megabytes) << 20)
        setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &most)
    }

    private static func fail(_ message: String, _ code: Int32) -> Never {
        let bytes = Array((message + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        _exit(code)
    }
}

enum CStrings {
    /// Calls `body` with a null-terminated array of C strings.
    static func with<R>(_ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R) -> R {
        let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        return copies.withUnsafeBufferPointer { body($0.baseAddress!) }
    }
}
