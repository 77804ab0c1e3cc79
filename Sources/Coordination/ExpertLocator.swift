import Glibc
import Pipelines

/// Finds the programs of experts: `lorgnette-<name>` beside our own executable, then on PATH.
public struct ExpertLocator: Sendable {
    /// Folders, in the order in which they are looked at.
    public let folders: [String]
    private let ownFolder: String

    public init() {
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        let own = String(decoding: path[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        ownFolder = String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
        let search = getenv("PATH").map { String(cString: $0) } ?? ""
        folders = [ownFolder] + search.split(separator: ":").map(String.init)
    }

    /// The command that starts a worker for a stage; nil for a remote one.
    public func command(for stage: Stage) throws(CoordinationError) -> [String]? {
        switch stage.expert {
        case .remote: return nil
        case .command(let command):
            return command
        case .named(let name):
            let program = "lorgnette-\(name)"
            for folder in folders where access("\(folder)/\(program)", X_OK) == 0 { return ["\(folder)/\(program)"] }
            throw .missingExpert(
                stage: stage.name, expert: name, searched: ["\(ownFolder)/\(program)", "\(program) on PATH"])
        }
    }

    /// The experts that can be found, by name, with the path of their program. Our own tools are not experts.
    public func installed() -> [(name: String, path: String)] {
        var found: [String: String] = [:]
        for folder in folders {
            guard let directory = opendir(folder) else { continue }
            defer { closedir(directory) }
            while let entry = readdir(directory) {
                let program = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                guard program.hasPrefix("lorgnette-") else { continue }
                let name = String(program.dropFirst("lorgnette-".count))
                let isWord = !name.isEmpty && name.utf8.allSatisfy { $0 >= 0x61 && $0 <= 0x7A || $0 == 0x5F }
                if isWord, name != "models", found[name] == nil, access("\(folder)/\(program)", X_OK) == 0 {
                    found[name] = "\(folder)/\(program)"
                }
            }
        }
        return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
