import Checkpoints
import Glibc

/// What an adapter's file leaves out and a `hparams.json` beside it may say: `v_num_heads`, the heads of the visual
/// blocks, and in `adapters` for each `file` its `adapter_len`, the prompts of a layer of V1.
struct AdapterNotes {
    private(set) var visualHeads: Int?
    private(set) var promptLength: Int?

    /// Nothing where there is no such file. Throws `CheckpointError` for one that is no JSON, and
    /// `ModelError.configuration` for numbers that cannot be.
    init(beside path: String) throws {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let file = (parts.dropLast() + ["hparams.json"]).joined(separator: "/")
        guard access(file, R_OK) == 0 else { return }
        let config = try ConfigurationFile(path: file)
        if config["v_num_heads"] != nil { visualHeads = try config.count("v_num_heads", most: 1024) }
        for entry in config["adapters"]?.array ?? [] where entry["file"]?.string == parts.last.map(String.init) {
            guard let length = entry["adapter_len"]?.int, (1...LlamaAdapter.mostQueries).contains(length) else {
                throw config.fault(
                    "adapters.adapter_len", "a number from 1 to \(LlamaAdapter.mostQueries)",
                    entry["adapter_len"]?.kind ?? "none")
            }
            promptLength = length
        }
    }
}
