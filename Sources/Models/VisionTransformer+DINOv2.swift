import Checkpoints
import Tensors

// Two layouts of the same DINOv2: an ONNX export, where linear weights have no names of their own and are found through
// the nodes that use them, and Hugging Face's safetensors (`Dinov2Model`). Both say `layer.i` for block i.

extension VisionTransformer {
    /// The backbone in an ONNX file exported from a model with a `backbone` of type Dinov2.
    ///
    /// The file's properties `heads` and `image_size` are followed where present; otherwise heads are 64 wide, and
    /// pictures are 224 × 224 or as large as the position grid if that is smaller.
    public init(onnx: ONNXInitialisers) throws(ModelError) {
        let w = WeightReader(onnx)
        let c = try Configuration(
            w, prefix: "backbone.", positions: w.key(ofNode: "/backbone/embeddings/Reshape_1"),
            heads: onnx.metadata["heads"]?.string.map { Int($0) ?? 0 },
            imageSize: onnx.metadata["image_size"]?.string.map { Int($0) ?? 0 })
        let (D, p) = (c.width, c.patch)
        let blocks = (0..<c.layers).map { i in
            let key = "backbone.encoder.layer.\(i)."
            let node = "/backbone/encoder/layer.\(i)/"
            // The file has them as input × output.
            func linear(_ path: String, _ rows: Int, _ columns: Int) -> Linear {
                Linear(
                    weight: Matrix(w.transposed(w.key(ofNode: node + path + "/MatMul"), rows, columns)),
                    bias: w.tensor(key + path.map { $0 == "/" ? "." : $0 } + ".bias", rows))
            }
            return VisualBlock(
                c, w, key, qkv: ["query", "key", "value"].map { linear("attention/attention/\($0)", D, D) },
                proj: linear("attention/output/dense", D, D), fc1: linear("mlp/fc1", c.hidden, D),
                fc2: linear("mlp/fc2", D, c.hidden))
        }
        let embeddings = "backbone.embeddings."
        let weights = Weights(
            classToken: w.tensor(embeddings + "cls_token", 1, 1, D),
            patch: Linear(
                weight: w.matrix(embeddings + "patch_embeddings.projection.weight", of: [D, 3, p, p], D, 3 * p * p),
                bias: w.tensor(embeddings + "patch_embeddings.projection.bias", D)),
            classPosition: w.tensor(w.key(ofNode: "/backbone/embeddings/Concat_6"), 1, 1, D),
            positions: PositionEmbedding(
                grid: w.tensor(w.key(ofNode: "/backbone/embeddings/Reshape_1"), 1, c.grid * c.grid, D),
                rows: c.grid, columns: c.grid),
            blocks: blocks, norm: w.norm("backbone.layernorm", D))
        try w.check()
        self.init(c, weights, .imageNet)
    }

    /// A `Dinov2Model` in a folder of Hugging Face's: heads, eps and kind of feed-forward layer (the giant's is gated) as
    /// `config.json` says, the picture's size as `preprocessor_config.json`.
    init(dinov2 folder: HuggingFaceFolder) throws(ModelError) {
        let config = folder.config
        _ = try config.word("model_type", of: ["dinov2"])
        _ = try config.word("hidden_act", of: ["gelu"], fallback: "gelu")
        try config.refuse("qkv_bias", unless: config.flag("qkv_bias", fallback: true), "true")
        let size = try config.count("image_size", most: 4096, fallback: 224)
        let (preparation, imageSize) = try PicturePreparation.huggingFace(folder) ?? (.imageNet, size)
        try self.init(
            dinov2: folder.checkpoint, heads: config.count("num_attention_heads", most: 1024, fallback: 12),
            imageSize: imageSize, eps: config.number("layer_norm_eps", fallback: 1e-6),
            isGated: config.flag("use_swiglu_ffn", fallback: false), preparation)
    }

    /// A `Dinov2Model` in Hugging Face's layout.
    init(
        dinov2 checkpoint: any Checkpoint, heads: Int, imageSize: Int, eps: Float = 1e-6, isGated: Bool = false,
        _ preparation: PicturePreparation = .imageNet
    ) throws(ModelError) {
        let w = WeightReader(checkpoint)
        var c = try Configuration(
            w, prefix: "", positions: "embeddings.position_embeddings", classPosition: true, heads: heads,
            imageSize: imageSize)
        c.eps = eps
        if isGated { c.hidden = (w.shape("encoder.layer.0.mlp.weights_in.bias")?.first ?? 2) / 2 }
        let (D, p) = (c.width, c.patch)
        let blocks = (0..<c.layers).map { i in
            let key = "encoder.layer.\(i)."
            return VisualBlock(
                c, w, key, qkv: ["query", "key", "value"].map { w.linear(key + "attention.attention.\($0)", D, D) },
                proj: w.linear(key + "attention.output.dense", D, D),
                fc1: isGated
                    ? w.linear(key + "mlp.weights_in", 2 * c.hidden, D) : w.linear(key + "mlp.fc1", c.hidden, D),
                fc2: w.linear(key + (isGated ? "mlp.weights_out" : "mlp.fc2"), D, c.hidden),
                activation: isGated ? .swiGLU : .gelu)
        }
        let all = w.tensor("embeddings.position_embeddings", 1, 1 + c.grid * c.grid, D)
        let weights = Weights(
            classToken: w.tensor("embeddings.cls_token", 1, 1, D),
            patch: Linear(
                weight: w.matrix("embeddings.patch_embeddings.projection.weight", of: [D, 3, p, p], D, 3 * p * p),
                bias: w.tensor("embeddings.patch_embeddings.projection.bias", D)),
            classPosition: all.slice(rows: 0..<1),
            positions: PositionEmbedding(grid: all.slice(rows: 1..<all.rows), rows: c.grid, columns: c.grid),
            blocks: blocks, norm: w.norm("layernorm", D))
        w.ignore("embeddings.mask_token")  // only pre-training masks patches
        w.refuseTheRest()
        try w.check()
        self.init(c, weights, preparation)
    }
}

extension VisionTransformer.Configuration {
    /// Sizes from the shapes under `prefix`; `positions` is the key of [1, grid² (+ 1 with `classPosition`), D].
    fileprivate init(
        _ w: WeightReader, prefix: String, positions key: String, classPosition: Bool = false, heads: Int?,
        imageSize: Int?
    ) throws(ModelError) {
        func fault(_ key: String, _ expected: String, _ found: String) -> ModelError {
            .configuration(file: w.checkpoint.file, key: key, expected: expected, found: found)
        }
        let patchKey = prefix + "embeddings.patch_embeddings.projection.weight"
        guard let shape = w.shape(patchKey), shape.count == 4, shape[1] == 3, shape[2] == shape[3],
            shape[0] > 0, (1...256).contains(shape[2])
        else {
            throw fault(
                patchKey, "a tensor [width, 3, patch, patch] (is this a DINOv2?)",
                w.shape(patchKey).map { "\($0)" } ?? "none")
        }
        width = shape[0]
        patch = shape[2]
        let patches = (w.shape(key)?.dropLast().reduce(1, *) ?? 0) - (classPosition ? 1 : 0)
        grid = Int(Double(max(0, patches)).squareRoot())
        guard grid > 0, grid * grid == patches else {
            throw fault("positions", "a square number of patches", w.shape(key).map { "\($0)" } ?? "none")
        }
        var layers = 0
        while w.has("\(prefix)encoder.layer.\(layers).norm1.weight") { layers += 1 }
        self.layers = layers
        hidden = w.shape("\(prefix)encoder.layer.0.mlp.fc1.bias")?.first ?? 4 * width
        self.heads = heads ?? width / 64
        guard self.heads > 0, width % self.heads == 0 else {
            throw fault("heads", "a divisor of the width \(width)", "\(self.heads)")
        }
        self.imageSize = imageSize ?? min(224 / patch, grid) * patch
        guard self.imageSize >= patch, self.imageSize <= 4096 else {
            throw fault("image_size", "at least the patch \(patch) and at most 4096", "\(self.imageSize)")
        }
        eps = 1e-6
    }
}

extension VisualBlock {
    /// A block with layer scale; queries, keys and values are joined to one weight.
    fileprivate init(
        _ c: VisionTransformer.Configuration, _ w: WeightReader, _ key: String, qkv: [Linear], proj: Linear,
        fc1: Linear, fc2: Linear, activation: PackedRows.Activation = .gelu
    ) {
        self.init(
            heads: c.heads, eps: c.eps, activation: activation, norm1: w.norm(key + "norm1", c.width),
            qkv: Linear(joining: qkv), proj: proj,
            scale1: w.tensor(key + "layer_scale1.lambda1", c.width), norm2: w.norm(key + "norm2", c.width), fc1: fc1,
            fc2: fc2, scale2: w.tensor(key + "layer_scale2.lambda1", c.width))
    }
}

extension WeightReader {
    /// The name of the initialiser that an ONNX node uses; a fault, and a name that no tensor has, if there is none.
    fileprivate func key(ofNode node: String) -> String {
        guard let onnx = checkpoint as? ONNXInitialisers, let view = try? onnx.require(ofNode: node) else {
            return "initialiser of \(node)"
        }
        return view.name
    }
}
