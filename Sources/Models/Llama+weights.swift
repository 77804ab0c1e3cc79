import Tensors

/// The weights as they are in the file, for who computes with them in another way: a trainer.
extension Llama {
    package struct LayerWeights: Sendable {
        package let attentionNorm: Tensor  // [D]
        package let wq: Matrix  // [H d, D]
        package let wk: Matrix  // [G d, D]
        package let wv: Matrix  // [G d, D]
        package let wo: Matrix  // [D, H d]
        package let ffnNorm: Tensor  // [D]
        package let w1: Matrix  // [F, D]
        package let w2: Matrix  // [D, F]
        package let w3: Matrix  // [F, D]
    }

    package func weights(ofLayer i: Int) -> LayerWeights {
        let l = layers[i]
        return LayerWeights(
            attentionNorm: l.attentionNorm, wq: l.wq.weight, wk: l.wk.weight, wv: l.wv.weight, wo: l.wo.weight,
            ffnNorm: l.ffnNorm, w1: l.w1.weight, w2: l.w2.weight, w3: l.w3.weight)
    }

    package var embeddingWeight: Matrix { embedding }  // [V, D]
    package var outputWeight: Matrix { output }  // [V, D]
    package var outputNorm: Tensor { norm }  // [D]
}
