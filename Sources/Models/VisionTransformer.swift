import Checkpoints
import Tensors

// Vision transformer (arXiv 2010.11929): patches → embedding + positions → blocks → norm.
// DINOv2 (arXiv 2304.07193): layer scale, exact GELU, eps 1e-6.
// CLIP (arXiv 2103.00020): norm before the blocks, quick GELU or GELU, eps 1e-5, projection behind.
//
//   H × W  pixels          p  side of a patch            N  1 + patches (class token first)
//   D  width of the model  F  feed-forward width         O  width of a feature (D, or the projection's)

/// A picture encoder: pixels in, one feature for the whole picture and one for every patch out.
public struct VisionTransformer: Sendable {
    public struct Configuration: Sendable, Equatable {
        public var width: Int
        public var layers: Int
        public var heads: Int
        public var hidden: Int
        /// Side of a patch in pixels.
        public var patch: Int
        /// Patches along each side of the position grid.
        public var grid: Int
        /// Side in pixels of the picture that it is meant for.
        public var imageSize: Int
        public var eps: Float
    }

    /// The weights, whatever layout they come from.
    struct Weights: Sendable {
        let classToken: Tensor  // [D]
        let patch: Linear  // [D, 3 p p]
        let classPosition: Tensor  // [D]
        let positions: PositionEmbedding  // [grid · grid, D]
        var preNorm: LayerNorm? = nil  // [D]
        let blocks: [VisualBlock]
        let norm: LayerNorm  // [D]
        var projection: Matrix? = nil  // [O, D]
    }

    public let configuration: Configuration
    /// What is done to a picture before.
    public let preparation: PicturePreparation
    let weights: Weights

    init(_ configuration: Configuration, _ weights: Weights, _ preparation: PicturePreparation) {
        self.configuration = configuration
        self.weights = weights
        self.preparation = preparation
    }

    /// Width of a feature, O.
    public var featureWidth: Int { weights.projection?.rows ?? configuration.width }

    /// Tokens of a picture of this many pixels, N.
    public func tokens(height: Int, width: Int) -> Int {
        1 + (height / configuration.patch) * (width / configuration.patch)
    }

    /// Sees the hidden states [N, D] after block `i` (0: the embeddings).
    public typealias Observer = (_ i: Int, _ hidden: Tensor) -> Void

    /// The features [N, O], then those of some blocks on the way, [N, D] each, through the last norm (as DINOv2's
    /// `get_intermediate_layers` gives them). Blocks are counted from 1.
    ///
    /// What a picture shows is not always said best at the end: a backbone that was tuned for another task forgets.
    public func forward(_ pixels: Tensor, with blocks: [Int], observe: Observer? = nil) throws(ModelError) -> [Tensor] {
        try forward(batch: [pixels], with: blocks, observe: observe)[0]
    }

    /// Features [N, O] of normalised pixels [3, H, W], at least a patch in each direction; pixels behind the last whole
    /// patch are not seen. Throws `ModelError.pixels` for another shape.
    public func forward(_ pixels: Tensor, observe: Observer? = nil) throws(ModelError) -> Tensor {
        try forward(together: [pixels], observe: observe)
    }

    /// What `forward(_:with:)` gives for each of several pictures of one size, all in one pass over the weights. A picture's
    /// features do not depend on the others, bit by bit. `observe` sees the tokens of all of them.
    public func forward(
        batch: [Tensor], with blocks: [Int] = [], observe: Observer? = nil
    ) throws(ModelError) -> [[Tensor]] {
        guard let first = batch.first else { return [] }
        for pixels in batch where pixels.shape != first.shape {
            throw .pixels(expected: "\(first.shape), as those beside it", found: pixels.shape)
        }
        var stages: [Int: Tensor] = [:]
        let last = try forward(together: batch) { [weights, configuration] i, hidden in
            observe?(i, hidden)
            guard blocks.contains(i) else { return }
            let normed = Tensor(hidden.rows, configuration.width)
            weights.norm(hidden, rows: hidden.rows, eps: configuration.eps, into: normed)
            stages[i] = normed
        }
        let all = [last] + blocks.compactMap { stages[$0] }
        let N = last.rows / batch.count
        return batch.indices.map { i in all.map { $0.slice(rows: i * N..<(i + 1) * N) } }
    }

    /// [B N, O]
    private func forward(together batch: [Tensor], observe: Observer? = nil) throws(ModelError) -> Tensor {
        let c = configuration
        let p = c.patch
        for pixels in batch {
            guard pixels.shape.count == 3, pixels.shape[0] == 3, pixels.shape[1] >= p, pixels.shape[2] >= p else {
                throw .pixels(expected: "[3, height, width] of at least \(p) each", found: pixels.shape)
            }
        }
        let (rows, columns) = (batch[0].shape[1] / p, batch[0].shape[2] / p)
        let N = 1 + rows * columns

        let x = Tensor(batch.count * N, c.width)
        for (i, pixels) in batch.enumerated() { embed(patches(of: pixels, rows, columns), rows, columns, into: x, i * N) }
        if let preNorm = weights.preNorm { preNorm(x, rows: x.rows, eps: c.eps, into: x) }
        observe?(0, x)
        let scratch = VisualBlock.Scratch(pictures: batch.count, tokens: N, width: c.width)
        for (i, block) in weights.blocks.enumerated() {
            block(x, scratch)
            observe?(i + 1, x)
        }
        weights.norm(x, rows: x.rows, eps: c.eps, into: x)
        guard let projection = weights.projection else { return x }
        let features = Tensor(x.rows, projection.rows)
        Math.linear(x, rows: x.rows, projection, into: features, packed: true)
        return features
    }

    /// [rows · columns, 3 p p]: the pixels of each patch, channel by channel, as the embedding's weights have them.
    private func patches(of pixels: Tensor, _ rows: Int, _ columns: Int) -> Tensor {
        let p = configuration.patch
        let (H, W) = (pixels.shape[1], pixels.shape[2])
        let patches = Tensor(rows * columns, 3 * p * p)
        for channel in 0..<3 {
            for y in 0..<rows * p {
                let line = pixels.data + (channel * H + y) * W
                for column in 0..<columns {
                    let patch = patches.row(y / p * columns + column)
                    (patch + (channel * p + y % p) * p).update(from: line + column * p, count: p)
                }
            }
        }
        return patches
    }

    /// Writes class token and embedded patches, each plus its position, to N rows of x from `first`.
    private func embed(_ patches: Tensor, _ rows: Int, _ columns: Int, into x: Tensor, _ first: Int) {
        let D = configuration.width
        Math.linear(
            patches.data, stride: patches.columns, rows: patches.rows, weights.patch.weight,
            bias: weights.patch.bias.map { UnsafePointer($0.data) }, into: x.row(first + 1), stride: D)
        x.row(first).update(from: weights.classToken.data, count: D)
        Math.axpy(1, weights.classPosition.data, x.row(first), D)
        let positions = weights.positions.resized(rows: rows, columns: columns)
        Math.axpy(1, positions.data, x.row(first + 1), positions.count)
    }
}
