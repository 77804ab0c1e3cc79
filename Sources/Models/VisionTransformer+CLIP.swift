import Checkpoints
import Tensors

// The picture encoder of OpenAI's CLIP (arXiv 2103.00020; openai/CLIP, clip/model.py): a norm before the blocks, quick
// GELU, eps 1e-5; the features are those of all tokens, norm and projection behind, as LLaMA-Adapter V2 reads them.

extension VisionTransformer {
    /// The visual tower of a CLIP in OpenAI's layout (a state dict or a TorchScript archive). The text tower is left
    /// out. There is a head for every 64 of the width; the picture is as large as an archive's `input_resolution` says,
    /// else as the grid of positions.
    public init(clip checkpoint: any Checkpoint) throws(ModelError) {
        let w = WeightReader(checkpoint)
        let c = try Configuration(clip: w)
        let (D, p, O) = (c.width, c.patch, w.shape("visual.proj")?.last ?? 0)
        let blocks = (0..<c.layers).map { i in
            let key = "visual.transformer.resblocks.\(i)."
            return VisualBlock(
                heads: c.heads, eps: c.eps, activation: .quickGelu,
                norm1: w.norm(key + "ln_1", D),
                qkv: Linear(
                    weight: w.matrix(key + "attn.in_proj_weight", 3 * D, D),
                    bias: w.tensor(key + "attn.in_proj_bias", 3 * D)),
                proj: w.linear(key + "attn.out_proj", D, D),
                norm2: w.norm(key + "ln_2", D),
                fc1: w.linear(key + "mlp.c_fc", c.hidden, D),
                fc2: w.linear(key + "mlp.c_proj", D, c.hidden))
        }
        let all = w.tensor("visual.positional_embedding", 1 + c.grid * c.grid, D)
        let weights = Weights(
            classToken: w.tensor("visual.class_embedding", D),
            patch: Linear(weight: w.matrix("visual.conv1.weight", of: [D, 3, p, p], D, 3 * p * p)),
            classPosition: all.slice(rows: 0..<1),
            positions: PositionEmbedding(grid: all.slice(rows: 1..<all.rows), rows: c.grid, columns: c.grid),
            preNorm: w.norm("visual.ln_pre", D),
            blocks: blocks, norm: w.norm("visual.ln_post", D),
            // The file has it as input × output.
            projection: Matrix(w.transposed("visual.proj", O, D)))
        for key in checkpoint.names where !key.hasPrefix("visual.") { w.ignore(key) }
        w.refuseTheRest()
        try w.check()
        self.init(c, weights, .openAI(size: c.imageSize))
    }
}

extension VisionTransformer.Configuration {
    /// The side of the picture in pixels that a TorchScript archive names; nil where there is none.
    private static func resolution(_ checkpoint: any Checkpoint) throws(ModelError) -> Int? {
        let key = "input_resolution"
        guard let view = checkpoint.view(key) else { return nil }
        guard view.count == 1, let value = try? view.tensor().array.first, let size = Int(exactly: value), size > 0
        else {
            throw .configuration(file: checkpoint.file, key: key, expected: "a number above 0", found: "\(view.shape)")
        }
        return size
    }

    /// Sizes from the shapes.
    fileprivate init(clip w: WeightReader) throws(ModelError) {
        func fault(_ key: String, _ expected: String, _ found: [Int]?) -> ModelError {
            .configuration(
                file: w.checkpoint.file, key: key, expected: expected, found: found.map { "\($0)" } ?? "none")
        }
        let patchKey = "visual.conv1.weight"
        guard let shape = w.shape(patchKey), shape.count == 4, shape[1] == 3, shape[2] == shape[3],
            shape[0] > 0, (1...256).contains(shape[2])
        else { throw fault(patchKey, "a tensor [width, 3, patch, patch] (is this a CLIP?)", w.shape(patchKey)) }
        width = shape[0]
        patch = shape[2]
        heads = width / 64
        guard heads > 0, width % heads == 0 else { throw fault(patchKey, "a width of heads of 64 or more", shape) }
        let projection = w.shape("visual.proj")
        guard projection?.count == 2, projection?.allSatisfy({ $0 > 0 }) == true else {
            throw fault("visual.proj", "a tensor [width, features] (a CLIP with a vision transformer)", projection)
        }
        let patches = (w.shape("visual.positional_embedding")?.first ?? 0) - 1
        grid = Int(Double(max(0, patches)).squareRoot())
        guard grid > 0, grid * grid == patches, grid * patch <= 4096 else {
            throw fault(
                "visual.positional_embedding", "one position and a square number of them",
                w.shape("visual.positional_embedding"))
        }
        var layers = 0
        while w.has("visual.transformer.resblocks.\(layers).ln_1.weight") { layers += 1 }
        self.layers = layers
        hidden = w.shape("visual.transformer.resblocks.0.mlp.c_fc.bias")?.first ?? 4 * width
        imageSize = try Self.resolution(w.checkpoint) ?? grid * patch
        guard imageSize / patch == grid, imageSize <= 4096 else {
            throw fault("input_resolution", "a size of \(grid) × \(grid) patches of \(patch)", [imageSize])
        }
        eps = 1e-5
    }
}
