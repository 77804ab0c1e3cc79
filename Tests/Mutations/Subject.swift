import Checkpoints
import Glibc
import Models

/// A file that is damaged in many ways, and the reader that must read or refuse each of them.
public struct Subject: Sendable {
    /// The format's name.
    public let name: String
    /// The file that is damaged; nil: `make` makes them.
    let file: String?
    /// Makes a file of chance, damaged or not.
    let make: @Sendable (inout SplitMix64) -> [UInt8]
    /// Files that lie beside it, by the names that they have there.
    let beside: [(file: String, name: String)]
    /// What it is called.
    let target: String
    /// Opens the folder or, where `opensFolder` is false, the file.
    let opensFolder: Bool
    let open: @Sendable (String) throws -> Void

    init(
        _ name: String, _ file: String, beside: [(file: String, name: String)] = [], as target: String = "mutated",
        opensFolder: Bool = false, open: @escaping @Sendable (String) throws -> Void
    ) {
        self.name = name
        self.file = file
        make = { _ in [] }
        self.beside = beside
        self.target = target
        self.opensFolder = opensFolder
        self.open = open
    }

    /// Files that are made by code, and not from one that is there.
    init(
        _ name: String, as target: String = "made", make: @escaping @Sendable (inout SplitMix64) -> [UInt8],
        open: @escaping @Sendable (String) throws -> Void
    ) {
        self.name = name
        file = nil
        self.make = make
        beside = []
        self.target = target
        opensFolder = false
        self.open = open
    }

    /// Opens mutations number `first` up to `end` in a folder that must be empty, and returns how many were read.
    ///
    /// A mutation depends on its number alone. `each` is told the number and how many were read before it is opened.
    public func run(from first: Int, to end: Int, in folder: String, each: (Int, Int) -> Void = { _, _ in }) throws -> Int {
        let good = try file.map { file in
            let mapping = try MappedFile(path: file)
            return withExtendedLifetime(mapping) { Array(mapping.bytes.buffer) }
        }
        let path = folder + "/" + target
        for (file, name) in beside { symlink(file, folder + "/" + name) }
        var opened = 0
        for number in first..<max(first, end) {
            var random = SplitMix64(seed: UInt64(number))
            let bytes = good?.mutated(using: &random) ?? make(&random)
            // A file that is mapped must not change: the old one keeps its bytes.
            unlink(path)
            let descriptor = Glibc.open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
            _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            close(descriptor)
            each(number, opened)
            if (try? open(opensFolder ? folder : path)) != nil { opened += 1 }
        }
        for (_, name) in beside { unlink(folder + "/" + name) }
        unlink(path)
        return opened
    }
}
