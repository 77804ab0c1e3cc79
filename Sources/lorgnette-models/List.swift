import ArgumentParser
import Checkpoints
import Models

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the model files and folders that are here, with their fingerprints.")

    func run() throws {
        var found = 0
        for path in ModelsFolder.folders(in: ModelsFolder.path) {
            found += 1
            do {
                let folder = try ModelFolder(path: path)
                let bytes = folder.weights.reduce(0) { $0 + ModelsFolder.size(of: $1) }
                print(
                    "\((path.fileName + "/").padded(to: 40)) \(ModelSummary.size(bytes).padded(to: 9)) "
                        + "\(folder.about) (\(folder.layout))")
                print("  \(try Fingerprint.sha256(of: folder.weights))")
            } catch {
                print("\((path.fileName + "/").padded(to: 40)) \(error)")
            }
        }
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
