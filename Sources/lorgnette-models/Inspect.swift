import ArgumentParser
import Checkpoints
import Models
import Tensors

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Shows what is in a model file or folder: what it is and fits, metadata, every tensor's type and shape.")

    @Argument(
        help: """
            A GGUF, safetensors, ONNX or PyTorch file, or a folder as LLaMA or Hugging Face released it: a path, or a name \
            in the models folder.
            """) var file: String

    func run() throws {
        let path = ModelsFolder.resolve(file)
        if ModelFolder.isOne(path) { return try show(ModelFolder(path: path), path) }
        let checkpoint = try CheckpointReader.open(path)
        let summary = try ModelSummary(path: path, checkpoint)
        print("file         \(path)")
        print("format       \(summary.format)")
        if !summary.about.isEmpty { print("model        \(summary.about)") }
        let fit = Fit.text(checkpoint)
        if !fit.isEmpty { print("fits         \(fit)") }
        print("size         \(ModelSummary.size(summary.bytes)), \(summary.bytes) bytes")
        show(checkpoint, fingerprint: try Fingerprint.sha256(of: path))
    }

    private func show(_ folder: ModelFolder, _ path: String) throws {
        print("folder       \(path)")
        print("layout       \(folder.layout)")
        print("model        \(folder.about)")
        print("fits         \(Fit.text(folder.kind))")
        let bytes = folder.weights.reduce(0) { $0 + ModelsFolder.size(of: $1) }
        print("size         \(ModelSummary.size(bytes)), \(bytes) bytes")
        show(folder.checkpoint, fingerprint: try Fingerprint.sha256(of: folder.weights))
    }

    private func show(_ checkpoint: any Checkpoint, fingerprint: String) {
        // Looked at once: a tensor that lies in several parts is put together for it.
        let tensors = checkpoint.names.map { name in
            let view = checkpoint.view(name)
            return (name: name, type: view?.type.rawValue, shape: view?.shape ?? [], count: view?.count ?? 0)
        }
        print("elements     \(tensors.reduce(0) { $0 + $1.count }) in \(tensors.count) tensors")
        print("types        \(Self.counted(tensors.map { $0.type ?? "not read here" }))")
        print("fingerprint  \(fingerprint)")

        if !checkpoint.metadata.isEmpty { print("\nmetadata") }
        for (key, value) in checkpoint.metadata.sorted(by: { $0.key < $1.key }) { print("  \(key) = \(shown(value))") }

        print("\ntensors")
        let width = checkpoint.names.map(\.count).max() ?? 0
        for tensor in tensors {
            let what = tensor.type.map { "\($0.padded(to: 4))  \(tensor.shape)" } ?? "a type that is not read here"
            print("  \(tensor.name.padded(to: width))  \(what)")
        }
    }

    /// "q4_0 226, f32 65"
    private static func counted(_ types: [String]) -> String {
        var counts: [String: Int] = [:]
        for type in types { counts[type, default: 0] += 1 }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }
            .joined(separator: ", ")
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
