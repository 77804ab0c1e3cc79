import Tensors

/// A model in several safetensors files, as Hugging Face publishes large ones: `model.safetensors.index.json` says in
/// which file (`weight_map`) each tensor lies, whole. Seen as one file; every part stays mapped.
public struct SafetensorsIndex: Checkpoint {
    /// The index's path.
    public let file: String
    /// Of the parts, where they agree: those of the first.
    public let metadata: [String: MetadataValue]
    /// The parts' paths in alphabetical order.
    public let parts: [String]
    public let names: [String]
    private let partOfName: [String: Safetensors]

    /// Maps the files that an index names, all in its own folder.
    ///
    /// Throws `CheckpointError` if a tensor is not where the index says, or a part has one that the index does not know.
    public init(path: String) throws(CheckpointError) {
        func malformed(_ key: String, _ expected: String, _ found: String) -> CheckpointError {
            .malformed(file: path, key: key, expected: expected, found: found)
        }
        let index = try JSONValue(path: path, depth: 8)
        guard let members = index["weight_map"]?.members, !members.isEmpty else {
            throw malformed("weight_map", "an object of tensors and their files", index["weight_map"]?.kind ?? "none")
        }
        var fileOfName: [String: String] = [:]
        for member in members {
            // A name with a slash could lead out of the folder.
            guard let name = member.value.string, name.hasSuffix(".safetensors"), !name.contains("/") else {
                throw malformed("weight_map.\(member.name)", "a safetensors file of this folder", member.value.kind)
            }
            guard fileOfName.updateValue(name, forKey: member.name) == nil else {
                throw malformed("weight_map.\(member.name)", "it once", "it twice")
            }
        }
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[...$0] } ?? ""
        var partOfName: [String: Safetensors] = [:]
        var names: [String] = []
        var metadata: [String: MetadataValue]?
        var parts: [String] = []
        for name in Set(fileOfName.values).sorted() {
            let part = try Safetensors(path: "\(folder)\(name)")
            for tensor in part.names {
                guard fileOfName[tensor] == name else {
                    throw malformed("weight_map.\(tensor)", "\"\(name)\", which has it", fileOfName[tensor] ?? "none")
                }
                partOfName[tensor] = part
            }
            names += part.names
            parts.append(part.file)
            if metadata == nil { metadata = part.metadata }
        }
        for (tensor, name) in fileOfName where partOfName[tensor] == nil {
            throw .missing(file: "\(folder)\(name)", key: tensor, found: "none, though the index says so")
        }
        file = path
        self.metadata = metadata ?? [:]
        self.names = names
        self.parts = parts
        self.partOfName = partOfName
    }

    public func view(_ name: String) -> TensorView? { partOfName[name]?.view(name) }

    public func require(_ name: String, shape: [Int]?) throws(CheckpointError) -> TensorView {
        guard let part = partOfName[name] else {
            throw .missing(file: file, key: name, found: "\(names.count) others")
        }
        return try part.require(name, shape: shape)
    }
}
