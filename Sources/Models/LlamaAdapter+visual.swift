import Tensors

// The picture's way into V2 multimodal (arXiv 2304.15010; OpenGVLab/LLaMA-Adapter, llama_adapter_v2_multimodal7b):
// visual features → clip_proj, norm → [visual_query; features] → visual blocks → first Q tokens → visual_proj, norm.
//
//   N  visual tokens     C  width of a visual feature     E  width of the visual blocks
//   Q  visual queries    D  width of the LLaMA

extension LlamaAdapter {
    /// Of every norm here, timm's default.
    static let eps: Float = 1e-5

    /// What makes visual queries of visual features.
    struct Visual: Sendable {
        let clipProj: Linear  // [E, C]
        let clipProjNorm: LayerNorm  // [E]
        let visualQuery: Tensor  // [Q, E]
        let blocks: [VisualBlock]
        let visualProj: Linear  // [D, E]
        let visualProjNorm: LayerNorm  // [D]

        init(_ w: WeightReader, _ c: Configuration, width D: Int) {
            let E = c.visualWidth
            clipProj = w.linear("clip_proj", E, c.featureWidth)
            clipProjNorm = w.norm("clip_proj_norm", E)
            visualQuery = w.tensor("visual_query.weight", c.queries, E)
            blocks = (0..<c.visualBlocks).map { i in
                let F = w.shape("visual_blocks.\(i).mlp.fc1.weight")?.first ?? 4 * E
                return VisualBlock(
                    heads: c.visualHeads, eps: eps,
                    norm1: w.norm("visual_blocks.\(i).norm1", E),
                    qkv: w.linear("visual_blocks.\(i).attn.qkv", 3 * E, E),
                    proj: w.linear("visual_blocks.\(i).attn.proj", E, E),
                    norm2: w.norm("visual_blocks.\(i).norm2", E),
                    fc1: w.linear("visual_blocks.\(i).mlp.fc1", F, E),
                    fc2: w.linear("visual_blocks.\(i).mlp.fc2", E, F))
            }
            visualProj = w.linear("visual_proj", D, E)
            visualProjNorm = w.norm("visual_proj_norm", D)
        }
    }

    /// Whether it reads pictures at all.
    public var readsPictures: Bool { visual != nil || globalProj != nil }

    /// What an encoder calls the features of its last block and of these.
    public static func featureNames(blocks: [Int]) -> [String] { ["features"] + blocks.map { "features.\($0)" } }

    /// The features that it reads [N, C], from those of the last block and of `visionBlocks`, all with N rows.
    /// Throws `ModelError.features` for other shapes, and for any if it reads no pictures.
    public func features(_ parts: [Tensor]) throws(ModelError) -> Tensor {
        let rows = parts.first?.rows ?? 0
        let width = parts.reduce(0) { $0 + $1.columns }
        guard rows > 0, parts.allSatisfy({ $0.shape.count == 2 && $0.rows == rows }),
            width == configuration.featureWidth
        else {
            throw .features(
                expected: expectedFeatures, found: parts.map { "\($0.shape)" }.joined(separator: ", "))
        }
        return parts.count == 1 ? parts[0] : Tensor(beside: parts)
    }

    /// The visual queries of a picture, [Q, D], from its features [N, C]; V1 makes one, of the first row. Throws `ModelError.features` for another C,
    /// and for any if it reads no pictures.
    public func visualQuery(_ features: Tensor) throws(ModelError) -> Tensor {
        let c = configuration
        guard readsPictures, features.shape.count == 2, features.columns == c.featureWidth, features.rows > 0 else {
            throw .features(expected: expectedFeatures, found: "\(features.shape)")
        }
        if let globalProj {
            let query = Tensor(1, globalProj.weight.rows)
            globalProj(features, rows: 1, into: query)
            return query
        }
        guard let visual else { throw .features(expected: expectedFeatures, found: "\(features.shape)") }
        let (N, Q, E) = (features.rows, c.queries, c.visualWidth)
        let x = Tensor(Q + N, E)
        let projected = Tensor(N, E)
        visual.clipProj(features, rows: N, into: projected)
        visual.clipProjNorm(projected, rows: N, eps: Self.eps, into: projected)
        x.data.update(from: visual.visualQuery.data, count: Q * E)
        x.row(Q).update(from: projected.data, count: N * E)
        let scratch = VisualBlock.Scratch(tokens: Q + N, width: E)
        for block in visual.blocks { block(x, scratch) }
        let query = Tensor(Q, visual.visualProj.weight.rows)
        visual.visualProj(x, rows: Q, into: query)
        visual.visualProjNorm(query, rows: Q, eps: Self.eps, into: query)
        return query
    }

    private var expectedFeatures: String {
        !readsPictures ? "none (\(family.rawValue) reads no pictures)" : "[tokens, \(configuration.featureWidth)]"
    }
}
