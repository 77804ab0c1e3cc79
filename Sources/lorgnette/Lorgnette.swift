import ArgumentParser
import Foundation

@main
struct Lorgnette: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lorgnette",
        abstract: "Describes pictures, reads the text in them and answers questions about them, on this machine.",
        version: "0.1.0",
        subcommands: [
            Run.self, Status.self, Ask.self, Compare.self, Check.self, Doctor.self, Experts.self, Keys.self, Models.self,
            Evaluate.self,
            Train.self, Bench.self, RoundTrip.self,
        ])

    static func main() async {
        // A file that may not grow is an error to report, like a full disk.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(error)
        }
    }

    /// Usage faults leave with 2, like all faults of configuration; help and version with 0.
    private static func end(_ error: any Error) -> Never {
        if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
        guard exitCode(for: error) != .success else { exit(withError: error) }
        let text = fullMessage(for: error)
        FileHandle.standardError.write(Data((text + "\n").utf8))
        Foundation.exit(ExitCode.configuration.rawValue)
    }
}

extension ExitCode {
    /// Some inputs failed, or only part of their stages succeeded.
    static let someFailed = ExitCode(1)
    static let configuration = ExitCode(2)
    /// A required expert or model is missing.
    static let missingPart = ExitCode(3)
    /// The disk is full, the output cannot be written, or the machine has no more open files.
    static let machine = ExitCode(4)
    static let interrupted = ExitCode(130)
}
