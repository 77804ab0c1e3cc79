import ArgumentParser
import Checkpoints
import ExpertKit
import Foundation
import Models
import Pipelines
import Training

@main struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lorgnette train",
        abstract: "Trains an adapter as a configuration says, and goes on where it was interrupted.",
        discussion: """
            Beside FILE lie, while it is trained, its state (FILE.training) and a plot of the loss (FILE.svg, which stays). \
            Visual features are computed once and kept in the data folder.
            """)

    @Argument(help: "A training configuration (YAML).") var config: String
    @Option(help: "The adapter to write (safetensors).") var out: String
    @Option(help: "Threads; all processors if not said.") var threads: Int?
    @Flag(help: "Compute the visual features that are missing, and stop.") var featuresOnly = false

    func run() throws {
        signal(SIGXFSZ, SIG_IGN)  // a file that may not grow is an error to report, like a full disk
        if let threads { setenv("LORGNETTE_THREADS", "\(threads)", 1) }
        do {
            try train()
        } catch let code as ArgumentParser.ExitCode {
            throw code
        } catch {
            FileHandle.standardError.write(Data("lorgnette train: \(error)\n".utf8))
            switch error {
            case is Faults: throw ArgumentParser.ExitCode(2)
            case is ExpertFailure: throw ArgumentParser.ExitCode(3)
            default: throw ArgumentParser.ExitCode(1)
            }
        }
    }

    private func train() throws {
        guard let text = try? String(contentsOfFile: config, encoding: .utf8) else {
            throw TrainFault("\(config): expected a text file that can be read, found none")
        }
        guard featuresOnly || !FileManager.default.fileExists(atPath: out) else {
            throw TrainFault("\(out): expected no such file yet, found one: it is finished, or move it away")
        }
        let file = try TrainingFile(text, file: config)
        let session = try TrainingSession(file, folder: (config as NSString).deletingLastPathComponent)
        if featuresOnly { return }
        let run = try session.identity(of: text)
        let state = out + ".training"
        if FileManager.default.fileExists(atPath: state) {
            try session.trainer.resume(from: state, run: run)
            TrainingProgress.say("going on from step \(session.trainer.step) of \(file.plan.steps)")
        } else {
            try session.warmUp()
            try session.trainer.save(to: state, run: run)
        }
        let progress = TrainingProgress(session.trainer)
        let signals = EndRequest()
        while !session.trainer.isDone {
            do {
                try session.trainer.advance()
            } catch {
                throw TrainFault("\(error); the last good state is in \(state)")
            }
            progress.show(session.trainer)
            let isEnd = signals.isAsked
            if isEnd || session.trainer.step % file.plan.saveEvery == 0 || session.trainer.isDone {
                do {
                    try session.trainer.save(to: state, run: run)
                    try LossPlot.svg(session.trainer.curve, title: "\(file.role): loss per token")
                        .write(toFile: out + ".svg", atomically: true, encoding: .utf8)
                } catch {
                    throw TrainFault("\(error); the last good state is in \(state)")
                }
            }
            if isEnd {
                TrainingProgress.say("interrupted at step \(session.trainer.step); the same command goes on")
                throw ArgumentParser.ExitCode(130)
            }
        }
        try session.trainer.withAdapter {
            try AdapterFile.write(session.trainer.network, facts: session.facts, to: out)
        }
        try FileManager.default.removeItem(atPath: state)
        TrainingProgress.say("wrote \(out)")
    }
}
