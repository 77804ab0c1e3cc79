import ArgumentParser
import Conformance
import Coordination
import Foundation
import Pipelines

struct ExpertsCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract:
            "Plays the coordinator towards one worker, and says whether it keeps the contract of protos/README.md.",
        discussion: """
            COMMAND is the name of an expert (ocr) or a program and its arguments; options come before it.
            Exit status: 0 every check that was made is ok; 1 some failed; 2 usage; 3 a program or model is missing; \
            130 interrupted.
            """)

    @Argument(parsing: .captureForPassthrough, help: "The worker: an expert's name, or a program and its arguments.")
    var command: [String] = []
    @Option(help: "Instead: a worker that is running and listens, tcp://127.0.0.1:PORT. It is asked to end at last.")
    var at: String?
    @Option(help: "Instead: the worker of a stage in this pipeline file; the other stages feed it.") var pipeline: String?
    @Option(help: "The stage to check, with --pipeline.") var stage: String?
    @Option(help: "PORT=EXPERT: what EXPERT finds is fed to PORT. May be repeated.") var from: [String] = []
    @Option(name: .customLong("set"), help: "Set an option: key=value. May be repeated.") var set: [String] = []
    @Option(help: "A PNG to show, instead of one that is drawn.") var picture: String?
    @Option(help: "Only checks with this name, or whose name begins so. May be repeated.") var only: [String] = []
    @Option(help: "Seconds that loading may take.") var load: Double = 600
    @Option(help: "Seconds in which it ends when it has nothing left to do.") var farewell: Double = 10
    @Option(help: "Seconds of silence after which the worker is taken for dead.") var liveness: Double = 5
    @Option(help: "Write the report as JUnit XML, too.") var junit: String?
    @Flag(help: "Say what is checked, and check nothing.") var list = false

    func validate() throws {
        if ["--help", "-h"].contains(command.first) { throw CleanExit.helpRequest(self) }
        if list { return }
        if let first = command.first, first.hasPrefix("-"), first != "--" {
            throw ValidationError("expected a program or an option, found \(first)")
        }
        let ways = [!command.isEmpty, at != nil, pipeline != nil].count { $0 }
        if ways != 1 { throw ValidationError("expected a COMMAND, --at or --pipeline, found \(ways) of them") }
        if (pipeline == nil) != (stage == nil) { throw ValidationError("--pipeline and --stage go together") }
        if pipeline != nil, !from.isEmpty {
            throw ValidationError("--from goes with a COMMAND or --at: a pipeline says who feeds whom")
        }
        for (name, seconds) in [("--load", load), ("--farewell", farewell), ("--liveness", liveness)]
        where !(seconds >= 0.5 && seconds <= 86_400) {
            throw ValidationError("\(name): expected seconds from 0.5 to 86400, found \(seconds)")
        }
    }

    func run() async throws {
        if list {
            for check in ConformanceCheck.checks {
                Terminal.say(check.name.padding(toLength: 20, withPad: " ", startingAt: 0) + check.about)
            }
            return
        }
        do {
            let report = try await check()
            Terminal.say("\(Terminal.clean(report.subject)): \(report.summary)")
            if let junit { try Data(report.junit.utf8).write(to: URL(fileURLWithPath: junit)) }
            if !report.failures.isEmpty { throw ExitCode.someFailed }
        } catch let code as ExitCode {
            throw code
        } catch ConformanceError.interrupted {
            throw ExitCode.interrupted
        } catch let faults as Faults {
            Terminal.complain(faults.description)
            throw ExitCode.configuration
        } catch {
            throw Terminal.end(with: error)
        }
    }

    private func check() async throws -> Report {
        var check = ConformanceCheck(try subject())
        check.pace.load = .milliseconds(Int(load * 1000))
        check.pace.farewell = .milliseconds(Int(farewell * 1000))
        check.pace.liveness = .milliseconds(Int(liveness * 1000))
        check.pace.heartbeat = min(check.pace.heartbeat, check.pace.liveness / 4)
        check.pace.answer = check.subject.stage.deadline
        (check.picture, check.only) = (picture, only)
        let interruption = try Interruption()
        let signals = Terminal.onInterrupt { interruption.request() }
        defer { for signal in signals { signal.cancel() } }
        return try await Terminal.onThread { [check] in
            try check.run(interruption) { Terminal.say(Terminal.clean($0.text)) }
        }
    }

    private func subject() throws -> Subject {
        if let pipeline, let stage {
            let file = try readPipeline(pipeline, settings: Subject.named(set, for: stage), ask: nil)
            return try Subject(pipeline: file, stage: stage)
        }
        return try Subject(expert: at.map(ExpertReference.remote) ?? expert(), feeds: from, settings: set)
    }

    private func expert() throws -> ExpertReference {
        let words = command.first == "--" ? Array(command.dropFirst()) : command
        guard let first = words.first else { throw Faults(faults: [Fault(file: "COMMAND", message: "expected a program")]) }
        guard ExpertLocator().installed().contains(where: { $0.name == first }) else { return .command(words) }
        if words.count == 1 { return .named(first) }
        let message = "\(first) is an expert, and takes no arguments; options of this command come before it"
        throw Faults(faults: [Fault(file: "COMMAND", message: message)])
    }
}
