import Tensors

/// A model that was saved in parts, seen as one file: tensors that were split along an axis are joined again.
///
/// A split tensor is copied each time it is asked for, because a weight lies in one piece of memory here; the others stay
/// in the first file.
public struct ShardedCheckpoint: Checkpoint {
    /// The first part's path.
    public var file: String { first.file }
    public var metadata: [String: MetadataValue] { first.metadata }
    public var names: [String] { first.names }
    private let first: any Checkpoint
    private let splits: [String: Split]

    /// A tensor's pieces, checked to fit together.
    private struct Split {
        let pieces: [TensorView]
        let axis: Int
        let shape: [Int]
    }

    /// Joins `parts`, in their order. `axis` is 0 for a tensor whose rows, 1 for one whose columns were dealt out, nil
    /// for one that every part has whole.
    ///
    /// Throws `CheckpointError` if the parts do not have the same tensors in shapes that fit together.
    public init(_ parts: [any Checkpoint], axis: (_ name: String) -> Int?) throws(CheckpointError) {
        guard let first = parts.first else {
            throw .missing(file: "", key: "parts", found: "none")
        }
        self.first = first
        var splits: [String: Split] = [:]
        for name in first.names {
            var pieces: [TensorView] = []
            for part in parts { pieces.append(try part.require(name)) }
            if let split = try Self.split(pieces, axis: axis(name)) { splits[name] = split }
        }
        for part in parts where part.names.count != first.names.count {
            throw .malformed(
                file: part.file, key: "names", expected: "the \(first.names.count) tensors of the first part",
                found: "\(part.names.count)")
        }
        self.splits = splits
    }

    public func view(_ name: String) -> TensorView? { try? require(name, shape: nil) }

    public func require(_ name: String, shape: [Int]?) throws(CheckpointError) -> TensorView {
        guard let split = splits[name] else { return try first.require(name, shape: shape) }
        guard shape == nil || shape == split.shape else {
            throw .malformed(file: file, key: name, expected: "shape \(shape ?? [])", found: "shape \(split.shape)")
        }
        return try Self.joined(split)
    }

    /// Checks that pieces fit together; nil if each is the whole.
    private static func split(_ pieces: [TensorView], axis: Int?) throws(CheckpointError) -> Split? {
        let first = pieces[0]
        for piece in pieces.dropFirst() {
            var expected = first.shape
            // Only the size along the axis may differ.
            if let axis, axis < expected.count, piece.shape.count == expected.count {
                expected[axis] = piece.shape[axis]
            }
            guard piece.type == first.type, piece.shape == expected else {
                throw .malformed(
                    file: piece.file, key: piece.name, expected: "\(first.type.rawValue) \(expected)",
                    found: "\(piece.type.rawValue) \(piece.shape)")
            }
        }
        guard let axis else {
            for piece in pieces where !piece.bytes.buffer.elementsEqual(first.bytes.buffer) {
                throw .malformed(
                    file: piece.file, key: piece.name, expected: "the same values in every part", found: "others")
            }
            return nil
        }
        guard axis < first.shape.count else {
            throw .malformed(
                file: first.file, key: first.name, expected: "more than \(axis) dimensions", found: "\(first.shape)")
        }
        var shape = first.shape
        shape[axis] = pieces.reduce(0) { $0 + $1.shape[axis] }
        return Split(pieces: pieces, axis: axis, shape: shape)
    }

    private static func joined(_ split: Split) throws(CheckpointError) -> TensorView {
        let (first, pieces) = (split.pieces[0], split.pieces)
        // Joining along an axis means to take turns as often as the dimensions before it say.
        let turns = first.shape[..<split.axis].reduce(1, *)
        let bytes = OwnedBytes(count: pieces.reduce(0) { $0 + $1.bytes.count })
        var at = 0
        for turn in 0..<turns {
            for piece in pieces {
                let length = piece.bytes.count / turns
                bytes.copy(piece.bytes.buffer[turn * length..<(turn + 1) * length], to: at)
                at += length
            }
        }
        return try TensorView(
            name: first.name, file: first.file, type: first.type, shape: split.shape, bytes: bytes.bytes)
    }
}
