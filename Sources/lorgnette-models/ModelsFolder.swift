import Glibc

/// Where models lie: `models` in LORGNETTE_HOME, else in `$XDG_DATA_HOME/lorgnette`, else in `~/.local/share/lorgnette`;
/// and the folder of adapters that ship beside the programs.
enum ModelsFolder {
    static var path: String {
        let home =
            variable("LORGNETTE_HOME") ?? variable("XDG_DATA_HOME").map { $0 + "/lorgnette" }
            ?? (variable("HOME") ?? "/") + "/.local/share/lorgnette"
        return home + "/models"
    }

    static var bundled: String {
        let program = realpath("/proc/self/exe", nil).map { path in
            defer { free(path) }
            return String(cString: path)
        }
        let folder = program.map {
            $0.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        }
        return (folder ?? ".") + "/lorgnette_Models.resources/Resources"
    }

    /// The paths of the regular files in a folder, by name; none if it cannot be read.
    static func files(in folder: String) -> [String] {
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        var found: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var facts = stat()
            let path = folder + "/" + name
            if stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG { found.append(path) }
        }
        return found.sorted()
    }

    /// `name` itself if it is a path to a file or has a slash, else the file of that name in the folder.
    static func resolve(_ name: String) -> String {
        name.contains("/") || access(name, R_OK) == 0 ? name : path + "/" + name
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
