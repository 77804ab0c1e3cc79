import Checkpoints

/// A checkpoint with some tensors left out and others under new names.
struct EditedCheckpoint: Checkpoint {
    let original: any Checkpoint
    /// New names and the original ones.
    private let kept: [(name: String, original: String)]

    /// `rename` gives the new name of a tensor; nil leaves it out.
    init(_ original: any Checkpoint, rename: (String) -> String?) {
        self.original = original
        kept = original.names.compactMap { name in rename(name).map { ($0, name) } }
    }

    var file: String { original.file }
    var metadata: [String: MetadataValue] { original.metadata }
    var names: [String] { kept.map(\.name) }

    func view(_ name: String) -> TensorView? {
        kept.first { $0.name == name }.flatMap { original.view($0.original) }
    }

    func require(_ name: String, shape: [Int]?) throws(CheckpointError) -> TensorView {
        guard let found = kept.first(where: { $0.name == name }) else {
            throw .missing(file: file, key: name, found: "\(kept.count) others")
        }
        return try original.require(found.original, shape: shape)
    }
}
