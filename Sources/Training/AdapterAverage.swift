import Checkpoints
import Tensors

/// The mean of adapters that were trained from the same start, or of a start and what came of it (model soups,
/// arXiv 2203.05482; WiSE-FT, arXiv 2109.01903): what each of them learned by chance weighs less, what they share stays.
public enum AdapterAverage {
    /// What adapters must agree in to have a mean.
    private static let agreed = [
        "role", "wiring", "base_sha256", "vision_sha256", "vision_blocks", "scale", "prompt", "ask",
    ]

    /// Writes the mean of the adapters in `files`, one that is named twice counting twice, in the first one's types and with
    /// its metadata and `averaged`, the files' SHA-256.
    /// - Throws: `CheckpointError` that names the file, the key, what the first file has and what was found.
    public static func write(_ files: [String], to path: String) throws {
        precondition(!files.isEmpty, "a mean is of something")
        let adapters = try files.map { try Safetensors(path: $0) }
        for adapter in adapters.dropFirst() { try check(adapter, against: adapters[0]) }
        var facts: [String: String] = [:]
        for (key, value) in adapters[0].metadata { facts[key] = value.string }
        facts["averaged"] = try files.map { try Fingerprint.sha256(of: $0) }.joined(separator: ",")
        var out = SafetensorsWriter(metadata: facts)
        for name in adapters[0].names {
            let first = try adapters[0].require(name)
            let mean = Tensor(first.shape)
            var sums = [Double](repeating: 0, count: mean.count)
            for adapter in adapters {
                for (i, value) in try adapter.require(name).tensor().array.enumerated() { sums[i] += Double(value) }
            }
            for i in sums.indices { mean.data[i] = Float(sums[i] / Double(adapters.count)) }
            if first.type == .f16 { out.add(name, halves: mean) } else { out.add(name, mean) }
        }
        try out.write(to: path)
    }

    private static func check(_ adapter: Safetensors, against first: Safetensors) throws(CheckpointError) {
        for key in agreed {
            let (expected, found) = (first.metadata[key]?.string, adapter.metadata[key]?.string)
            guard expected == found else {
                throw .malformed(
                    file: adapter.file, key: "__metadata__.\(key)",
                    expected: "\(expected ?? "none"), as in \(first.file)", found: found ?? "none")
            }
        }
        for name in first.names {
            let (expected, found) = (try first.require(name), try adapter.require(name))
            guard expected.shape == found.shape else {
                throw .malformed(
                    file: adapter.file, key: name, expected: "shape \(expected.shape), as in \(first.file)",
                    found: "\(found.shape)")
            }
        }
        if let extra = Set(adapter.names).subtracting(first.names).min() {
            throw .malformed(
                file: adapter.file, key: extra, expected: "the tensors of \(first.file)", found: "one that it lacks")
        }
    }
}
