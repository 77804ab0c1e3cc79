import Checkpoints
import Golden
import Models
import Tensors

@testable import Training

/// The committed tiny language model and made-up pictures for it.
enum TinyBase {
    static func llama() throws -> Llama { try Llama(gguf: GGUF(path: Golden.tiny("language.gguf"))) }

    /// Features [N, C], the same for the same seed.
    static func features(_ count: Int, _ width: Int, seed: UInt64) -> Tensor {
        var random = SplitMix64(seed)
        return Tensor((0..<count * width).map { _ in random.normal() }, [count, width])
    }

    static func example(_ vocabulary: Int, seed: UInt64, features: Tensor? = nil) -> Example {
        var random = SplitMix64(seed)
        func tokens(_ count: Int) -> [Int] { (0..<count).map { _ in Int.random(in: 0..<vocabulary, using: &random) } }
        // One of the continuations is a single token: it adds no row of its own.
        return Example(features: features, prompt: tokens(3), continuations: [tokens(4), tokens(1), tokens(6)])
    }
}

extension AdapterNetwork {
    /// Moves every parameter a little, so that no zero of the start hides a wrong gradient.
    func shake(seed: UInt64, by size: Float = 0.1) {
        var random = SplitMix64(seed)
        for parameter in parameters {
            for i in 0..<parameter.value.count { parameter.value.data[i] += size * random.normal() }
        }
    }
}
