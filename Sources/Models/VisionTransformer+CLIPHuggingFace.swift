import Checkpoints
import Tensors

// CLIP's picture encoder in Hugging Face's layout (`CLIPVisionModelWithProjection`, `CLIPVisionModel`, or the visual half
// of a `CLIPModel`; transformers/models/clip/modeling_clip.py).

extension VisionTransformer {
    /// The visual tower in a folder of Hugging Face's. The text tower is left out. Without a projection in the file the
    /// features are those of the last norm.
    init(clip folder: HuggingFaceFolder) throws(ModelError) {
        // A whole CLIP describes its visual tower in an object of its own.
        let isWhole = try folder.config.word("model_type", of: ["clip", "clip_vision_model"]) == "clip"
        let config = isWhole ? folder.config.inside("vision_config") : folder.config
        let w = WeightReader(folder.checkpoint)
        // A tower that is saved alone has no prefix in newer files.
        let own = folder.checkpoint.names.contains { $0.hasPrefix("vision_model.") } ? "vision_model." : ""
        let c = try Configuration(clip: config, w)
        let activation = try config.word("hidden_act", of: ["quick_gelu", "gelu"], fallback: "quick_gelu")
        let (D, p) = (c.width, c.patch)
        let blocks = (0..<c.layers).map { i in
            let key = own + "encoder.layers.\(i)."
            return VisualBlock(
                heads: c.heads, eps: c.eps, activation: activation == "gelu" ? .gelu : .quickGelu,
                norm1: w.norm(key + "layer_norm1", D),
                qkv: Linear(joining: ["q", "k", "v"].map { w.linear(key + "self_attn.\($0)_proj", D, D) }),
                proj: w.linear(key + "self_attn.out_proj", D, D),
                norm2: w.norm(key + "layer_norm2", D),
                fc1: w.linear(key + "mlp.fc1", c.hidden, D),
                fc2: w.linear(key + "mlp.fc2", D, c.hidden))
        }
        let all = w.tensor(own + "embeddings.position_embedding.weight", 1 + c.grid * c.grid, D)
        let projection = "visual_projection.weight"
        let features = w.shape(projection)?.first ?? 0
        let weights = Weights(
            classToken: w.tensor(own + "embeddings.class_embedding", D),
            patch: Linear(
                weight: w.matrix(own + "embeddings.patch_embedding.weight", of: [D, 3, p, p], D, 3 * p * p)),
            classPosition: all.slice(rows: 0..<1),
            positions: PositionEmbedding(grid: all.slice(rows: 1..<all.rows), rows: c.grid, columns: c.grid),
            preNorm: w.norm(own + "pre_layrnorm", D),  // so spelled there
            blocks: blocks, norm: w.norm(own + "post_layernorm", D),
            projection: w.names(projection) ? w.matrix(projection, features, D) : nil)
        w.ignore(own + "embeddings.position_ids")  // 0, 1, 2, …
        w.ignore("logit_scale")
        for key in folder.checkpoint.names where key.hasPrefix("text_") { w.ignore(key) }
        w.refuseTheRest()
        try w.check()
        let found = try PicturePreparation.huggingFace(folder)
        guard (found?.size ?? c.imageSize) == c.imageSize else {
            throw .configuration(
                file: folder.path + "/preprocessor_config.json", key: "crop_size",
                expected: "\(c.imageSize), the size of the pictures that config.json names",
                found: "\(found?.size ?? 0)")
        }
        self.init(c, weights, found?.0 ?? .huggingFaceCLIP(size: c.imageSize))
    }
}

extension VisionTransformer.Configuration {
    /// Sizes as the configuration says, with transformers' defaults for what it does not; the weights are checked
    /// against them.
    fileprivate init(clip config: ConfigurationFile, _ w: WeightReader) throws(ModelError) {
        width = try config.count("hidden_size", most: 1 << 16, fallback: 768)
        layers = try config.count("num_hidden_layers", most: 1024, fallback: 12)
        heads = try config.count("num_attention_heads", most: 1024, fallback: 12)
        guard width % heads == 0 else { throw config.fault("num_attention_heads", "a divisor of \(width)", "\(heads)") }
        hidden = try config.count("intermediate_size", most: 1 << 20, fallback: 3072)
        patch = try config.count("patch_size", most: 256, fallback: 32)
        imageSize = try config.count("image_size", most: 4096, fallback: 224)
        grid = imageSize / patch
        guard grid > 0 else { throw config.fault("image_size", "at least \(patch), a patch", "\(imageSize)") }
        eps = try config.number("layer_norm_eps", fallback: 1e-5)
        try config.refuse("num_channels", unless: config["num_channels"].map { $0.int == 3 } ?? true, "3")
    }
}
