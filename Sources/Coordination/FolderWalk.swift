import Glibc

/// The files below the inputs that a person named, one at a time, in byte order within each folder.
///
/// It holds the names in the folders on the way down, never a whole tree. Links to folders are not followed; a link
/// to a file is, if it stays inside its input folder. The output folder is passed over where it lies inside an input.
public struct FolderWalk: Sequence, IteratorProtocol, Sendable {
    public enum Found: Sendable, Equatable {
        case file(PathBytes, name: PathBytes)
        /// Something that is no file for the experts, and why.
        case refused(name: PathBytes, PictureFile.Refusal)
    }

    private struct Level: Sendable {
        let path: PathBytes
        let name: PathBytes
        /// Of the input folder that this level belongs to, resolved.
        let root: PathBytes
        var names: FolderNames
    }

    private var inputs: ArraySlice<(path: PathBytes, name: PathBytes)>
    private var levels: [Level] = []
    private var pending: [Found] = []
    private let excluded: PathBytes?

    /// - Parameters:
    ///   - inputs: files and folders. One folder: items are named relative to it. Several inputs: each item's name
    ///     begins with its input's last component, or with the whole path where two components agree.
    ///   - excluding: a folder not to enter (the output).
    public init(inputs: [String], excluding: String?) throws(CoordinationError) {
        excluded = excluding.flatMap { PathBytes($0).resolved() }
        var roots: [(path: PathBytes, name: PathBytes)] = []
        for input in inputs {
            var info = stat()
            guard stat(input, &info) == 0 else {
                throw .noSuchInput(path: input, reason: systemError())
            }
            let path = PathBytes(input)
            let isFolder = info.st_mode & S_IFMT == S_IFDIR
            let name = isFolder && inputs.count == 1 ? PathBytes([]) : path.lastComponent
            roots.append((path, name))
        }
        var paths: [PathBytes: String] = [:]
        for (root, input) in zip(roots, inputs) {
            if let former = paths.updateValue(input, forKey: root.path.resolved() ?? root.path) {
                throw .duplicateInput(name: root.name.display, first: former, second: input)
            }
        }
        let counts = Dictionary(grouping: roots, by: \.name).mapValues(\.count)
        self.inputs = roots.map { counts[$0.name]! > 1 ? ($0.path, $0.path) : $0 }[...]
    }

    public mutating func next() -> Found? {
        while true {
            if let found = pending.popLast() { return found }
            if let last = levels.indices.last {
                guard let entry = levels[last].names.next() else {
                    levels.removeLast()
                    continue
                }
                let (level, component) = (levels[last], PathBytes(entry))
                visit(level.path.appending(component), name: level.name.appending(component), root: level.root)
            } else if let input = inputs.popFirst() {
                let path = input.path.resolved() ?? input.path
                visit(path, name: input.name, root: path)
            } else {
                return nil
            }
        }
    }

    private mutating func visit(_ path: PathBytes, name: PathBytes, root: PathBytes) {
        var info = stat()
        guard path.withCString({ lstat($0, &info) }) == 0 else {
            return refuse(name, .failed(code: "unreadable", message: "cannot look at it: \(systemError())"))
        }
        switch info.st_mode & S_IFMT {
        case S_IFREG: pending.append(.file(path, name: name))
        case S_IFDIR: enter(path, name: name, root: root)
        case S_IFLNK: follow(path, name: name, root: root)
        case S_IFIFO: refuse(name, .skipped(code: "not_a_file", message: "a named pipe"))
        case S_IFSOCK: refuse(name, .skipped(code: "not_a_file", message: "a socket"))
        default: refuse(name, .skipped(code: "not_a_file", message: "a device"))
        }
    }

    private mutating func follow(_ path: PathBytes, name: PathBytes, root: PathBytes) {
        var info = stat()
        guard path.withCString({ stat($0, &info) }) == 0, let target = path.resolved() else {
            return refuse(name, .skipped(code: "broken_link", message: "a link to nothing"))
        }
        guard info.st_mode & S_IFMT == S_IFREG else {
            return refuse(name, .skipped(code: "link", message: "a link to a folder or device; links are not followed"))
        }
        guard target.bytes.starts(with: root.bytes + [UInt8(ascii: "/")]) else {
            return refuse(name, .skipped(code: "link", message: "a link that leads out of the input folder"))
        }
        pending.append(.file(target, name: name))
    }

    private mutating func enter(_ path: PathBytes, name: PathBytes, root: PathBytes) {
        if path.resolved() == excluded, excluded != nil { return }
        guard levels.count < 512 else {
            return refuse(name, .failed(code: "unreadable", message: "folders nested deeper than 512"))
        }
        guard let folder = path.withCString({ opendir($0) }) else {
            return refuse(name, .failed(code: "unreadable", message: "cannot open the folder: \(systemError())"))
        }
        defer { closedir(folder) }
        levels.append(Level(path: path, name: name, root: root, names: FolderNames(folder)))
    }

    private mutating func refuse(_ name: PathBytes, _ refusal: PictureFile.Refusal) {
        pending.append(.refused(name: name.bytes.isEmpty ? PathBytes(".") : name, refusal))
    }
}
