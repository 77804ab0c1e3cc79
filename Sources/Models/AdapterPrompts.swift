import Tensors

/// What an adapter adds to the attention of some layers, with or without a picture: computed once, used at every token.
public struct AdapterPrompts: Sendable {
    struct Layer: Sendable {
        let keys: Tensor  // [P, G d], not rotated
        let values: Tensor  // [P, G d]
        let factors: [Float]  // [H]: tanh(gate) · new_gate, or the gate
    }

    let layers: [Layer?]  // per layer of the LLaMA

    func layer(_ i: Int) -> Layer? { layers[i] }
}
