import Checkpoints
import Glibc

/// A folder as LLaMA was released: `7B/params.json`, `7B/consolidated.00.pth` and, for larger models, `.01.pth` and so
/// on; `tokenizer.model` beside them or in the folder above.
struct LlamaFolder {
    /// `params.json`
    let parameters: String
    /// `consolidated.*.pth` in order.
    let shards: [String]
    let tokenizer: String

    /// Finds the files in a folder, or in the one folder inside it that has a `params.json`.
    /// `ModelError.configuration` says what is missing.
    init(path: String) throws(ModelError) {
        func fault(_ key: String, _ expected: String, _ found: String) -> ModelError {
            .configuration(file: path, key: key, expected: expected, found: found)
        }
        let path = path.hasSuffix("/") && path.count > 1 ? String(path.dropLast()) : path
        var folder = path
        if !Self.isReadable(path + "/params.json") {
            let inner = Self.names(in: path).filter { Self.isReadable("\(path)/\($0)/params.json") }
            guard inner.count == 1 else {
                throw fault(
                    "params.json", "it here or in one folder inside",
                    inner.isEmpty ? "none" : "it in \(inner.joined(separator: ", "))")
            }
            folder = "\(path)/\(inner[0])"
        }
        parameters = folder + "/params.json"
        let names = Self.names(in: folder).filter { $0.hasPrefix("consolidated.") && $0.hasSuffix(".pth") }
        let expected = names.indices.map { "consolidated.\($0 < 10 ? "0" : "")\($0).pth" }
        guard !names.isEmpty, names == expected else {
            throw fault(
                "consolidated.*.pth", "consolidated.00.pth and those that follow",
                names.isEmpty ? "none" : names.joined(separator: ", "))
        }
        shards = names.map { "\(folder)/\($0)" }
        let places = [folder + "/tokenizer.model", folder + "/../tokenizer.model"]
        guard let tokenizer = places.first(where: Self.isReadable) else {
            throw fault("tokenizer.model", "it beside params.json or in the folder above", "none")
        }
        self.tokenizer = tokenizer
    }

    static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }

    private static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

    /// The names in a folder in alphabetical order; none if it cannot be read.
    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.filter { !$0.hasPrefix(".") }.sorted()
    }
}
