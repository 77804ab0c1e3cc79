import ExpertKit
import Glibc

/// One run of a program to its end, within limits. Leaves no process and no open file, however it ends.
struct ProgramRun {
    struct Limits: Sendable {
        var seconds = 30.0
        var outputBytes = 1 << 16
        /// Of the program's data; 0: no limit.
        var megabytes = 0
    }

    /// Path and arguments.
    let command: [String]
    let environment: [String]
    let limits: Limits
    /// The path of this executable, which keeps the program.
    let keeper: String

    private static let errorBytes = 4096
    private var name: String { command[0].split(separator: "/").last.map(String.init) ?? command[0] }

    /// What the program wrote to its standard output.
    /// - Throws: ``ExpertFailure`` CANCELLED; INTERNAL if it was too slow, wrote too much, or did not end with status 0; the
    ///   message then has the end of its standard error.
    func output(isCancelled: () -> Bool) throws(ExpertFailure) -> [UInt8] {
        var pipes = try Pipes()
        defer { pipes.close() }
        let identifier = try spawn(&pipes)
        var isReaped = false
        defer {
            if !isReaped {
                kill(-identifier, SIGKILL)
                _ = Self.reap(identifier)
            }
        }
        let deadline = SuspendingClock.now.advanced(by: .seconds(limits.seconds))
        var output: [UInt8] = []
        var errors: [UInt8] = []
        func gather() throws(ExpertFailure) -> Bool {
            let hasOutput = Pipes.read(&pipes.output) { output += $0 }
            let hasErrors = Pipes.read(&pipes.errors) { errors = (errors + $0).suffix(Self.errorBytes) }
            if output.count > limits.outputBytes {
                throw .internalFault("\(name): expected at most \(limits.outputBytes) bytes of output, found more")
            }
            return hasOutput || hasErrors
        }
        while !Self.hasEnded(identifier) {
            if isCancelled() { throw .cancelled }
            if SuspendingClock.now >= deadline {
                throw .internalFault(
                    "\(name): expected it to end within \(limits.seconds) s, and it did not\(Self.tail(errors))")
            }
            pipes.wait()
            _ = try gather()
        }
        // What it started goes with it, before its number is given back.
        kill(-identifier, SIGKILL)
        let status = Self.reap(identifier)
        isReaped = true
        // What lies in the pipes is whole by now, and a pipe holds 1 MiB at most; whoever still writes is no part of it.
        var rounds = 0
        while rounds <= 16, try gather() { rounds += 1 }
        let signal = status & 0x7F
        guard status == 0 else {
            let found = signal == 0 ? "exit status \(status >> 8 & 0xFF)" : "its end by signal \(signal)"
            throw .internalFault("\(name): expected exit status 0, found \(found)\(Self.tail(errors))")
        }
        return output
    }

    private func spawn(_ pipes: inout Pipes) throws(ExpertFailure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (descriptor, end) in zip(pipes.farEnds, [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]) {
            posix_spawn_file_actions_adddup2(&actions, descriptor, end)
        }
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
        let code = CStrings.with([keeper, Keeper.word, "\(limits.megabytes)"] + command) { arguments in
            CStrings.with(environment) { posix_spawn(&identifier, keeper, &actions, &attributes, arguments, $0) }
        }
        pipes.closeFarEnds()
        guard code == 0 else { throw .internalFault("\(keeper): \(String(cString: strerror(code)))") }
        return identifier
    }

    /// Leaves its number taken.
    private static func hasEnded(_ identifier: pid_t) -> Bool {
        var facts = siginfo_t()
        return waitid(P_PID, id_t(identifier), &facts, WEXITED | WNOHANG | WNOWAIT) != 0 || facts.si_signo == SIGCHLD
    }

    private static func reap(_ identifier: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    private static func tail(_ errors: [UInt8]) -> String {
        let words = PrintableText(errors).text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return words.isEmpty ? "" : ": \(words.suffix(400))"
    }
}
