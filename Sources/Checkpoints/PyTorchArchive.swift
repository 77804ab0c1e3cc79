import Tensors

/// A file of PyTorch since 1.6, `.pth` or `.pt`: a zip archive with a pickle of names and shapes, and an entry for each
/// storage. Files of `torch.save` and TorchScript archives are read; the code of the latter is not looked at.
///
/// Source: torch/serialization.py and PyTorch's notes on serialization. The state dict is the dictionary under `model`
/// or `state_dict`, or else the whole value; its tensors have their keys as names, those of dictionaries, lists and
/// modules inside it joined with dots. Numbers and texts become metadata, with the whole path as the key
/// (`config.lora_rank`). Tensors outside of the state dict (an optimizer's) have no name here.
public final class PyTorchArchive: Checkpoint {
    public let file: String
    public let metadata: [String: MetadataValue]
    /// True for a TorchScript archive.
    public let isTorchScript: Bool
    public var names: [String] { directory.names }
    private let directory: TensorDirectory

    /// Maps the file and checks everything but the weights' values.
    public init(path: String) throws(CheckpointError) {
        let mapping = try MappedFile(path: path)
        file = path
        let archive = try ZipArchive(mapping)
        let pickles = archive.names.filter { $0.hasSuffix("/data.pkl") && $0.count { $0 == "/" } == 1 }
        guard pickles.count == 1, let entry = pickles.first else {
            throw .malformed(
                file: path, key: "data.pkl", expected: "one such entry in a folder (is this a PyTorch file?)",
                found: "\(pickles.count) among \(archive.names.count) entries")
        }
        let root = String(entry.dropLast("/data.pkl".count))
        isTorchScript = archive.has(root + "/constants.pkl")
        try Self.checkByteOrder(archive, root)
        let pickle = try PickleReader.read(
            archive.bytes(entry).buffer, file: path, entry: "data.pkl", isTorchScript: isTorchScript)
        var walk = StateDictWalk(pickle, archive: archive, root: root)
        try walk.run()
        directory = walk.directory
        metadata = walk.metadata
        withExtendedLifetime(mapping) {}
    }

    public func view(_ name: String) -> TensorView? { directory.view(name) }

    public func require(_ name: String, shape: [Int]?) throws(CheckpointError) -> TensorView {
        try directory.require(name, shape: shape)
    }

    private static func checkByteOrder(_ archive: ZipArchive, _ root: String) throws(CheckpointError) {
        let name = root + "/byteorder"
        guard archive.has(name) else { return }
        let order = String(decoding: try archive.bytes(name).buffer.prefix(16), as: UTF8.self)
        guard order == "little" else {
            throw .unsupported(file: archive.file, key: "byteorder", expected: "little", found: order)
        }
    }
}

/// Gives the tensors of a pickle their names.
private struct StateDictWalk {
    let pickle: Pickle
    let archive: ZipArchive
    let root: String
    var directory: TensorDirectory
    var metadata: [String: MetadataValue] = [:]
    /// Bytes of names that may still be made: a value that is shared again and again has a name on every path.
    private var budget = 16 << 20

    init(_ pickle: Pickle, archive: ZipArchive, root: String) {
        self.pickle = pickle
        self.archive = archive
        self.root = root
        directory = TensorDirectory(file: archive.file)
    }

    mutating func run() throws(CheckpointError) {
        guard case .dictionary(let pairs) = pickle[pickle.root] else {
            return try walk(pickle.root, "", namesTensors: true)
        }
        let inner = ["model", "state_dict"].first { name in
            pairs.contains { key($0.key) == name && isDictionary($0.value) }
        }
        guard let inner else { return try walk(pickle.root, "", namesTensors: true) }
        for pair in pairs {
            guard let name = key(pair.key) else { continue }
            // The state dict's own keys are the names.
            try walk(pair.value, name == inner ? "" : name, namesTensors: name == inner)
        }
    }

    /// Names what is under `path`; the depth of a pickle is bounded.
    private mutating func walk(_ place: Int, _ path: String, namesTensors: Bool) throws(CheckpointError) {
        switch pickle[place] {
        case .tensor(let tensor):
            if namesTensors { try tensor.add(path, to: &directory, archive: archive, root: root) }
        case .bool(let value): metadata[path] = .bool(value)
        case .int(let value): metadata[path] = .int(value)
        case .double(let value): metadata[path] = .double(value)
        case .text(let value): metadata[path] = .string(value)
        case .none, .global, .storage: break
        case .tuple(let items), .list(let items):
            for (i, item) in items.enumerated() { try walk(item, try join(path, "\(i)"), namesTensors: namesTensors) }
        case .object(let state):
            if let state { try walk(state, path, namesTensors: namesTensors) }
        case .dictionary(let pairs):
            for pair in pairs {
                guard let name = key(pair.key) else {
                    guard !namesTensors else {
                        throw .malformed(
                            file: archive.file, key: path.isEmpty ? "data.pkl" : path, expected: "keys that are texts",
                            found: pickle[pair.key].kind)
                    }
                    continue
                }
                // Every module has it, and it says nothing of the model.
                if name == "training", case .bool = pickle[pair.value] { continue }
                try walk(pair.value, try join(path, name), namesTensors: namesTensors)
            }
        }
    }

    private mutating func join(_ path: String, _ name: String) throws(CheckpointError) -> String {
        let joined = path.isEmpty ? name : "\(path).\(name)"
        budget -= joined.utf8.count + 16
        guard budget > 0 else {
            throw .malformed(
                file: archive.file, key: "data.pkl", expected: "at most 16 MiB of names", found: "more")
        }
        return joined
    }

    /// A dictionary's key as a part of a name; nil if it is neither text nor integer.
    private func key(_ place: Int) -> String? {
        switch pickle[place] {
        case .text(let text): text
        case .int(let number): "\(number)"
        default: nil
        }
    }

    private func isDictionary(_ place: Int) -> Bool {
        if case .dictionary = pickle[place] { true } else { false }
    }
}
