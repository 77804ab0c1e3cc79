import Checkpoints
import Glibc
import Models
import Tensors

/// What a model file is, in a few words.
struct ModelSummary {
    let format: String
    let bytes: Int
    /// "llama, 30 layers, width 576", "LLaMA-Adapter V2 multimodal (captioner) for SmolLM2…"; "" if nothing is known.
    let about: String
    let parameters: Int

    init(path: String, _ checkpoint: any Checkpoint) throws {
        var facts = stat()
        bytes = stat(path, &facts) == 0 ? Int(facts.st_size) : 0
        format = try CheckpointReader.format(of: path).rawValue
        parameters = checkpoint.names.reduce(0) { $0 + (checkpoint.view($1)?.count ?? 0) }
        about = Self.about(checkpoint)
    }

    private static func about(_ checkpoint: any Checkpoint) -> String {
        let facts = checkpoint.metadata
        if let architecture = facts["general.architecture"]?.string {
            let layers = facts["\(architecture).block_count"]?.int.map { ", \($0) layers" } ?? ""
            let width = facts["\(architecture).embedding_length"]?.int.map { ", width \($0)" } ?? ""
            return architecture + layers + width
        }
        if let family = try? LlamaAdapter.Family(of: checkpoint) { return about(family, checkpoint) }
        if let file = ReleasedFile(checkpoint) { return file.about }
        if let weight = checkpoint.view("backbone.embeddings.patch_embeddings.projection.weight") {
            return "DINOv2, width \(weight.shape[0]), patch \(weight.shape.last ?? 0)"
        }
        return ""
    }

    private static func about(_ family: LlamaAdapter.Family, _ checkpoint: any Checkpoint) -> String {
        let facts = checkpoint.metadata
        if let base = facts["base"]?.string {
            return "\(family.rawValue) (\(facts["role"]?.string ?? "no role")) for \(base)"
        }
        let (layers, width) = LlamaAdapter.base(of: checkpoint)
        return "\(family.rawValue) for a LLaMA of \(layers) layers\(width.map { " and width \($0)" } ?? "")"
    }

    /// "98.4 MB"
    static func size(_ bytes: Int) -> String {
        if bytes < 1_000_000 { return "\((bytes + 500) / 1000) kB" }
        let tenths = (bytes + 50_000) / 100_000
        return "\(tenths / 10).\(tenths % 10) MB"
    }
}

extension LlamaAdapter {
    /// Layers and width of the LLaMA that a file is for. Released files do not name their base, but have something for
    /// each of its layers.
    static func base(of checkpoint: any Checkpoint) -> (layers: Int, width: Int?) {
        let layers = Set(checkpoint.names.compactMap { $0.firstMatch(of: /^(?:llama\.)?layers\.(\d+)\./)?.1 }).count
        let ends = ["adapter_query.weight", "attention_norm.weight", "attention.wo_bias"]
        let key = checkpoint.names.first { name in ends.contains { name.hasSuffix($0) } }
        return (layers, key.flatMap { checkpoint.view($0)?.shape.last })
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
    var fileName: String { split(separator: "/").last.map(String.init) ?? self }
}
