import Glibc
import Pipelines

/// Finds the programs of experts: `lorgnette-<name>` beside our own executable, then on PATH, then among the Python ones.
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
        folders = [ownFolder] + search.split(separator: ":").map(String.init) + ["\(Self.pythonFolder)/bin"]
    }

    /// The virtual environment that `make setup` makes for experts in Python, in the data folder.
    public static var pythonFolder: String {
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        let home = variable("LORGNETTE_HOME") ?? variable("XDG_DATA_HOME").map { "\($0)/lorgnette" }
        return "\(home ?? "\(variable("HOME") ?? "")/.local/share/lorgnette")/python"
    }

    /// The command that starts a worker for a stage; nil for a remote one.
    public func command(for stage: Stage) throws(CoordinationError) -> [String]? {
        switch stage.expert {
        case .remote: return nil
        case .command(let command):
            guard let program = find(command[0]) else {
                let place = command[0].contains("/") ? command[0] : "\(command[0]) on PATH"
                throw .missingExpert(stage: stage.name, expert: command[0], searched: [place])
            }
            return dyingWithParent + [program] + command.dropFirst()
        case .named(let name):
            guard let program = find("lorgnette-\(name)") else {
                let places = [
                    "\(ownFolder)/lorgnette-\(name)", "lorgnette-\(name) on PATH",
                    "\(Self.pythonFolder)/bin/lorgnette-\(name)",
                ]
                throw .missingExpert(stage: stage.name, expert: name, searched: places)
            }
            return dyingWithParent + [program]
        }
    }

    /// The path of the program of an expert; nil if there is none.
    public func program(ofExpert name: String) -> String? { find("lorgnette-\(name)") }

    /// The path of a program; nil if there is none that can be run.
    private func find(_ program: String) -> String? {
        if program.contains("/") { return access(program, X_OK) == 0 ? program : nil }
        return folders.lazy.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }

    /// Makes the kernel end a worker, in whatever language it is written, when the coordinator is killed. Without the
    /// program (it is part of util-linux) such a worker ends by itself at the coordinator's silence.
    private var dyingWithParent: [String] { find("setpriv").map { [$0, "--pdeathsig", "KILL", "--"] } ?? [] }

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
