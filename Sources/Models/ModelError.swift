/// What is wrong with a model's files or with what it is asked to compute.
public enum ModelError: Error, Equatable, CustomStringConvertible {
    /// A fact that a model needs is missing from the file or not possible.
    case configuration(file: String, key: String, expected: String, found: String)
    /// Tensors are missing, have other shapes, or have no meaning here; every fault is listed.
    case weights(file: String, faults: [String])
    /// The adapter was trained for another base model.
    case wrongBase(adapter: String, expected: String, found: String)
    /// The picture's features are of another vision model than the adapter was trained with.
    case wrongVision(expected: String, found: String)
    /// The picture's features are not of the shape that the adapter reads.
    case features(expected: String, found: String)
    /// The pixels are not of a shape that the encoder reads.
    case pixels(expected: String, found: [Int])
    /// More tokens than the state has room for.
    case contextFull(capacity: Int, needed: Int)
    /// A token that the vocabulary does not have.
    case token(id: Int, vocabulary: Int)
    /// The model computed something that is not a number, at this position.
    case notANumber(position: Int)

    public var description: String {
        switch self {
        case .configuration(let file, let key, let expected, let found):
            "\(file): \(key): expected \(expected), found \(found)"
        case .weights(let file, let faults):
            "\(file): \(faults.count) \(faults.count == 1 ? "fault" : "faults") in its tensors: "
                + faults.prefix(12).joined(separator: "; ") + (faults.count > 12 ? "; …" : "")
        case .wrongBase(let adapter, let expected, let found):
            "\(adapter): made for the base model \(expected), found \(found)"
        case .wrongVision(let expected, let found):
            "visual features: the adapter was trained with those of \(expected), found those of \(found)"
        case .features(let expected, let found):
            "visual features: expected \(expected), found \(found)"
        case .pixels(let expected, let found):
            "pixels: expected \(expected), found \(found)"
        case .contextFull(let capacity, let needed):
            "context: expected at most \(capacity) tokens, found \(needed)"
        case .token(let id, let vocabulary):
            "token: expected 0 ..< \(vocabulary), found \(id)"
        case .notANumber(let position):
            "logits at position \(position): expected numbers, found a value that is none"
        }
    }
}
