import Checkpoints
import Models

/// What a model file or folder is good for, in a few words; "" if nothing is known.
enum Fit {
    static func text(_ kind: ModelFolder.Kind) -> String {
        switch kind {
        case .language(let width, let layers):
            "language of captioner and generator; adapters made for width \(width) and \(layers) layers"
        case .vision(let width): "model of the encoder; adapters that read features of width \(width)"
        }
    }

    /// Told by the keys.
    static func text(_ checkpoint: any Checkpoint) -> String {
        let facts = checkpoint.metadata
        if facts["general.architecture"]?.string == "llama",
            let width = facts["llama.embedding_length"]?.int, let layers = facts["llama.block_count"]?.int
        {
            return text(.language(width: width, layers: layers))
        }
        if let file = ReleasedFile(checkpoint) { return file.fit }
        if let weight = checkpoint.view("backbone.embeddings.patch_embeddings.projection.weight"), !weight.shape.isEmpty {
            return text(.vision(featureWidth: weight.shape[0]))
        }
        if let features = checkpoint.view("clip_proj.weight"), features.shape.count == 2,
            let prompts = checkpoint.view("adapter_query.weight"), prompts.shape.count == 2
        {
            return
                "adapter of captioner and generator for a language model of width \(prompts.shape[1]) and an encoder "
                + "with features of width \(features.shape[1])"
        }
        if let family = try? LlamaAdapter.Family(of: checkpoint), family != .v2Multimodal {
            let (layers, width) = LlamaAdapter.base(of: checkpoint)
            let pictures = checkpoint.view("global_proj.weight")?.shape.last
            return "adapter of the generator for a language model of \(layers) layers"
                + (width.map { " and width \($0)" } ?? "")
                + (pictures.map { ", and features of width \($0)" } ?? "")
        }
        return ""
    }
}
