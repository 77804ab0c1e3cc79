import Checkpoints
import Glibc
import Tensors

/// Where tests find what they compare with. What is not there makes a test skip, and say so.
public enum Golden {
    /// The repository's root.
    public static let repository = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        .dropLast(3).joined(separator: "/")

    /// A file or folder of the reference numbers, `../shared/fixtures/PATH`; nil where they are not.
    public static func fixture(_ path: String) -> String? { existing(repository + "/../shared/fixtures/" + path) }

    /// A file or folder of the shared data, `../shared/data/PATH`; nil where it is not.
    public static func data(_ path: String) -> String? { existing(repository + "/../shared/data/" + path) }

    /// A model of the data folder (`LORGNETTE_HOME`, else `$XDG_DATA_HOME/lorgnette`, else `~/.local/share/lorgnette`).
    public static func model(_ name: String) -> String? { inDataFolder("models/" + name) }

    /// A demo picture of the data folder.
    public static func demo(_ name: String) -> String? { inDataFolder("demo/" + name) }

    private static func inDataFolder(_ path: String) -> String? {
        let home: String? =
            environment("LORGNETTE_HOME") ?? environment("XDG_DATA_HOME").map { $0 + "/lorgnette" }
            ?? environment("HOME").map { $0 + "/.local/share/lorgnette" }
        return home.flatMap { existing("\($0)/\(path)") }
    }

    public static let smolLM2 = model("SmolLM2-135M-Instruct.Q4_1.gguf")
    public static let dinov2 = model("vit_s_focus.onnx")
    /// The provisional captioner that the golden captions are of; the one that ships is another.
    public static let captioner = existing(repository + "/../shared/starter/captioner.safetensors")
    /// An adapter that ships with the programs.
    public static func shipped(_ name: String) -> String? { existing("\(repository)/Sources/Models/Resources/\(name)") }

    /// A committed tiny model, always there.
    public static func tiny(_ name: String) -> String { repository + "/Tests/Fixtures/tiny/" + name }

    /// A committed small model in Hugging Face's layout, or what transformers computes with them.
    public static func huggingFace(_ name: String) -> String { repository + "/Tests/Fixtures/huggingface/" + name }

    /// A tensor of a safetensors file, widened to float32.
    public static func tensor(_ file: String, _ key: String) throws -> Tensor {
        try Safetensors(path: file).require(key).tensor()
    }

    /// The largest absolute difference; infinite for another shape or a value that is no number.
    public static func difference(_ a: Tensor, _ b: Tensor) -> Float {
        guard a.count == b.count, a.columns == b.columns else { return .infinity }
        var largest: Float = 0
        for i in 0..<a.count {
            let d = abs(a.data[i] - b.data[i])
            guard d.isFinite else { return .infinity }
            if d > largest { largest = d }
        }
        return largest
    }

    /// The lines of a text file that are not empty.
    public static func lines(of path: String) throws -> [String] {
        guard let file = fopen(path, "r") else { throw CheckpointError.unreadable(file: path, reason: "no such text") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = getc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    public static func environment(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        return value
    }

    private static func existing(_ path: String) -> String? { access(path, R_OK) == 0 ? path : nil }
}
