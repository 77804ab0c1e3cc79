import ArgumentParser
import Conformance
import Coordination
import Glibc

/// `lorgnette models …` is the program `lorgnette-models`: this one never links what computes.
struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists, inspects, converts and probes model files (list, inspect FILE, convert …, probe …, answer …)."
    )

    @Argument(parsing: .captureForPassthrough, help: "Passed on to lorgnette-models.") var arguments: [String] = []

    func run() throws { throw replaceProcess("models", arguments) }
}

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures how good captions and answers are (captions …, answers …, likelihood …).")

    @Argument(parsing: .captureForPassthrough, help: "Passed on to lorgnette-models evaluate.")
    var arguments: [String] = []

    func run() throws { throw replaceProcess("models", ["evaluate"] + arguments) }
}

/// `lorgnette train …` is the program `lorgnette-train`.
struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains an adapter as a configuration says (CONFIG --out FILE); goes on where it stopped.")

    @Argument(parsing: .captureForPassthrough, help: "Passed on to lorgnette-train.") var arguments: [String] = []

    func run() throws { throw replaceProcess("train", arguments) }
}

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures this machine: models, folders, stages; --peers COMMAND compares in the same run.")

    @Argument(parsing: .captureForPassthrough, help: "Passed on to lorgnette-models bench.") var arguments: [String] =
        []

    func run() throws { throw replaceProcess("models", ["bench"] + arguments) }
}

/// The part of a benchmark that needs a coordinator's side; `lorgnette bench` asks for it.
struct RoundTrip: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "round-trips", abstract: "Times empty tasks; prints their seconds as JSON.", shouldDisplay: false)

    @Option(help: "Tasks.") var count = 2000

    func run() throws {
        let seconds = try RoundTrips.measure(expert: "rehearsal", count: count)
        Terminal.say("[" + seconds.map { "\($0)" }.joined(separator: ",") + "]")
    }
}

/// Becomes `lorgnette-<tool>`; returns only if that cannot be.
private func replaceProcess(_ tool: String, _ arguments: [String]) -> ExitCode {
    for folder in ExpertLocator().folders {
        let program = "\(folder)/lorgnette-\(tool)"
        guard access(program, X_OK) == 0 else { continue }
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        execv(program, &words)
        Terminal.complain("lorgnette: cannot start \(program): \(String(cString: strerror(errno)))")
        return .missingPart
    }
    Terminal.complain("lorgnette: lorgnette-\(tool) is neither beside this program nor on PATH")
    return .missingPart
}
