import ArgumentParser

@main struct LorgnetteModels: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lorgnette models",
        abstract: "Lists, inspects, converts, averages, probes and measures model files.",
        subcommands: [
            List.self, Inspect.self, Convert.self, Average.self, Probe.self, Answer.self, Evaluate.self, Bench.self,
        ])
}
