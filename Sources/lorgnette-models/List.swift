import ArgumentParser
import Checkpoints

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the model files that are here, with their fingerprints.")

    func run() throws {
        var found = 0
        for folder in [ModelsFolder.path, ModelsFolder.bundled].compactMap(\.self) {
            for path in ModelsFolder.files(in: folder) {
                found += 1
                do {
                    let summary = try ModelSummary(path: path, CheckpointReader.open(path))
                    print(
                        "\(path.fileName.padded(to: 40)) \(ModelSummary.size(summary.bytes).padded(to: 9)) \(summary.about)"
                    )
                    print("  \(try Fingerprint.sha256(of: path))")
                } catch {
                    print("\(path.fileName.padded(to: 40)) \(error)")
                }
            }
        }
        if found == 0 { print("No models in \(ModelsFolder.path). `make setup` fetches the starter models.") }
    }
}
