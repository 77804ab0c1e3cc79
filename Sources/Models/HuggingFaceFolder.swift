import Checkpoints
import Glibc

/// A folder as Hugging Face publishes models: `config.json`, `model.safetensors` (or several, with
/// `model.safetensors.index.json`), and beside them a tokenizer or a picture processor.
struct HuggingFaceFolder {
    let path: String
    let config: ConfigurationFile
    let checkpoint: any Checkpoint
    /// The weights' files in order.
    let weights: [String]

    static func isOne(_ path: String) -> Bool { access(path + "/config.json", R_OK) == 0 }

    /// Opens configuration and weights. Throws `CheckpointError`, or `ModelError.configuration` for what is missing or
    /// stored in a way that is not read here.
    init(path: String) throws {
        let path = path.hasSuffix("/") && path.count > 1 ? String(path.dropLast()) : path
        self.path = path
        config = try ConfigurationFile(path: path + "/config.json")
        if config["quantization_config"] != nil {
            throw config.fault(
                "quantization_config", "weights as they were trained",
                config.inside("quantization_config")["quant_method"]?.kind ?? "one")
        }
        let index = path + "/model.safetensors.index.json"
        if access(path + "/model.safetensors", R_OK) == 0 {
            checkpoint = try Safetensors(path: path + "/model.safetensors")
            weights = [checkpoint.file]
        } else if access(index, R_OK) == 0 {
            let parts = try SafetensorsIndex(path: index)
            (checkpoint, weights) = (parts, parts.parts)
        } else {
            throw ModelError.configuration(
                file: path, key: "model.safetensors", expected: "it or model.safetensors.index.json",
                found: access(path + "/pytorch_model.bin", R_OK) == 0 ? "pytorch_model.bin" : "neither")
        }
    }

    /// The path of a file of the folder; nil if it is not there.
    func file(_ name: String) -> String? {
        let file = "\(path)/\(name)"
        return access(file, R_OK) == 0 ? file : nil
    }
}
