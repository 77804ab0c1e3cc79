import ArgumentParser
import Checkpoints
import Tensors

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what is in a model file: metadata, and every tensor's name, type and shape.")

    @Argument(help: "A GGUF, safetensors, ONNX or PyTorch file: a path, or a name in the models folder.") var file:
        String

    func run() throws {
        let path = ModelsFolder.resolve(file)
        let checkpoint = try CheckpointReader.open(path)
        let summary = try ModelSummary(path: path, checkpoint)
        print("file         \(path)")
        print("format       \(summary.format)")
        if !summary.about.isEmpty { print("model        \(summary.about)") }
        print("size         \(ModelSummary.size(summary.bytes)), \(summary.bytes) bytes")
        print("elements     \(summary.parameters) in \(checkpoint.names.count) tensors")
        print("fingerprint  \(try Fingerprint.sha256(of: path))")

        if !checkpoint.metadata.isEmpty { print("\nmetadata") }
        for (key, value) in checkpoint.metadata.sorted(by: { $0.key < $1.key }) { print("  \(key) = \(shown(value))") }

        print("\ntensors")
        let width = checkpoint.names.map(\.count).max() ?? 0
        for name in checkpoint.names {
            guard let view = checkpoint.view(name) else {
                print("  \(name.padded(to: width))  a type that is not read here")
                continue
            }
            print("  \(name.padded(to: width))  \(view.type.rawValue.padded(to: 4))  \(view.shape)")
        }
    }

    private func shown(_ value: MetadataValue) -> String {
        switch value {
        case .string(let text):
            let line = text.replacing("\n", with: "\\n")
            return line.count > 100 ? "\"\(line.prefix(100))…\"" : "\"\(line)\""
        case .int(let number): return "\(number)"
        case .double(let number): return "\(number)"
        case .bool(let flag): return "\(flag)"
        case .array(let array): return "\(array.count) values"
        }
    }
}
