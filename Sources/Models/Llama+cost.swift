import Tensors

// What a token costs at least, for benchmarks to be held against.
extension Llama {
    /// Bytes of weights that a token alone reads: all matrices but the embedding, of which it reads one row.
    public var bytesPerToken: Int { matrices.reduce(output.bytes.count) { $0 + $1.bytes.count } }

    /// Multiplications and additions of a token after a short prompt: two for each weight.
    public var operationsPerToken: Double {
        Double(matrices.reduce(output.rows * output.columns) { $0 + $1.rows * $1.columns }) * 2
    }

    /// The same for a token of a prompt of `length`, whose last token alone has logits: with attention over half the prompt.
    public func operationsPerPromptToken(_ length: Int) -> Double {
        let weights = Double(matrices.reduce(0) { $0 + $1.rows * $1.columns }) * 2
        return weights + Double(configuration.layers * configuration.queryWidth * length) * 2
    }

    private var matrices: [Matrix] {
        layers.flatMap { [$0.wq, $0.wk, $0.wv, $0.wo, $0.w1, $0.w2, $0.w3].map(\.weight) }
    }
}

extension VisionTransformer {
    /// Multiplications and additions for a picture of this many pixels: two for each weight and token, and the attention's.
    public func operations(height: Int, width: Int) -> Double {
        let N = Double(tokens(height: height, width: width))
        let weights = weights.blocks.reduce(weights.patch.weight.rows * weights.patch.weight.columns) { sum, block in
            sum + [block.qkv, block.proj, block.fc1, block.fc2].reduce(0) { $0 + $1.weight.rows * $1.weight.columns }
        }
        return 2 * N * Double(weights) + 4 * N * N * Double(configuration.width * configuration.layers)
    }
}
