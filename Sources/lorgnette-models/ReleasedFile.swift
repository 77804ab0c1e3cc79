import Checkpoints
import Glibc
import Models
import Tensors

/// A file of weights that says nothing of itself, told by its keys: a LLaMA or a CLIP as they were released, or weights out
/// of a folder of Hugging Face's.
struct ReleasedFile {
    /// "LLaMA as it was released, 32 layers, width 4096, 32000 tokens"
    let about: String
    /// What it is good for, and what it needs beside it.
    let fit: String

    /// Nil for any other file.
    init?(_ checkpoint: any Checkpoint) {
        if let file = Self(llama: checkpoint) ?? Self(clip: checkpoint) ?? Self(huggingFace: checkpoint) {
            self = file
        } else {
            return nil
        }
    }

    private init(about: String, fit: String) { (self.about, self.fit) = (about, fit) }

    private init?(llama checkpoint: any Checkpoint) {
        guard let embedding = checkpoint.view("tok_embeddings.weight")?.shape, embedding.count == 2,
            let queries = checkpoint.view("layers.0.attention.wq.weight")?.shape, queries.count == 2,
            let width = checkpoint.view("norm.weight")?.count
        else { return nil }
        let layers = Self.layers(checkpoint, /^layers\.(\d+)\./)
        // Of a larger model each file has a part of the columns, or of the rows, of every matrix.
        let isPart = embedding[1] < width || queries[0] < width
        let size = "\(layers) layers, width \(width)"
        about =
            isPart
            ? "one of several files of a LLaMA as it was released, \(size)"
            : "LLaMA as it was released, \(size), \(embedding[0]) tokens"
        let folder = (checkpoint.file.split(separator: "/", omittingEmptySubsequences: false).dropLast())
            .joined(separator: "/")
        let isWhole = access(folder + (folder.isEmpty ? "" : "/") + "params.json", R_OK) == 0
        fit =
            Fit.text(.language(width: width, layers: layers))
            + (isWhole ? "; name its folder" : "; name its folder, which must have params.json and a tokenizer.model")
    }

    private init?(clip checkpoint: any Checkpoint) {
        guard let projection = checkpoint.view("visual.proj")?.shape, projection.count == 2 else { return nil }
        fit = Fit.text(.vision(featureWidth: projection[1]))
        do {
            let c = try VisionTransformer(clip: checkpoint).configuration
            about =
                "CLIP as OpenAI released it, \(c.layers) layers, width \(c.width), patch \(c.patch), "
                + "\(c.imageSize) × \(c.imageSize) pixels"
        } catch {
            about = "a CLIP that is not read: \(error)"
        }
    }

    private init?(huggingFace checkpoint: any Checkpoint) {
        func width(_ key: String) -> Int? { checkpoint.view(key)?.shape.first }
        let kind: (about: String, kind: ModelFolder.Kind)
        if let width = checkpoint.view("model.norm.weight")?.count {
            let layers = Self.layers(checkpoint, /^model\.layers\.(\d+)\./)
            kind = ("llama, \(layers) layers, width \(width)", .language(width: width, layers: layers))
        } else if let own = width("vision_model.post_layernorm.weight") ?? width("post_layernorm.weight") {
            kind = ("clip, width \(own)", .vision(featureWidth: width("visual_projection.weight") ?? own))
        } else if let own = width("layernorm.weight"), checkpoint.names.contains("embeddings.cls_token") {
            kind = ("dinov2, width \(own)", .vision(featureWidth: own))
        } else {
            return nil
        }
        about = "weights of a folder of Hugging Face's: \(kind.about)"
        fit = Fit.text(kind.kind) + "; name its folder"
    }

    private static func layers(_ checkpoint: any Checkpoint, _ pattern: Regex<(Substring, Substring)>) -> Int {
        Set(checkpoint.names.compactMap { $0.firstMatch(of: pattern)?.1 }).count
    }
}
