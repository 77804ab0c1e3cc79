import Tensors

/// What an adapter adds to the attention of the last layers for one picture: computed once, used at every token.
public struct AdapterPrompts: Sendable {
    struct Layer: Sendable {
        let keys: Tensor  // [Q, G d], not rotated
        let values: Tensor  // [Q, G d]
        let factors: [Float]  // [H]: tanh(gate)
    }

    /// The first layer with prompts; they go on to the last.
    let first: Int
    let layers: [Layer]

    func layer(_ i: Int) -> Layer? { i >= first ? layers[i - first] : nil }
}
