import ArgumentParser
import Foundation
import Training

struct Average: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes the mean of adapters that were trained from the same start.",
        discussion: "One that is named twice counts twice. They must be for the same models, in the same shapes.")

    @Argument(help: "Adapters of Lorgnette (safetensors), two or more.") var files: [String]
    @Option(help: "The adapter to write.") var out: String

    func validate() throws {
        if files.count < 2 { throw ValidationError("expected two adapters or more, found \(files.count)") }
    }

    func run() throws {
        let paths = files.map(ModelsFolder.resolve)
        guard !FileManager.default.fileExists(atPath: out) else {
            throw ValidationError("\(out): expected no such file yet, found one")
        }
        try AdapterAverage.write(paths, to: out)
        print("wrote \(out), the mean of \(files.count) adapters")
    }
}
