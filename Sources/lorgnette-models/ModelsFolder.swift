import ExpertKit
import Glibc

/// Where models lie on this machine, and the adapters that ship beside the programs.
enum ModelsFolder {
    static var path: String { DataFolder.models }

    /// Nil if the programs were moved without their resources.
    static var bundled: String? {
        guard let file = try? DataFolder.bundled("captioner.safetensors") else { return nil }
        return file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }

    /// The paths of the regular files in a folder, by name; none if it cannot be read.
    static func files(in folder: String) -> [String] { entries(of: folder, S_IFREG) }

    /// The paths of the folders in a folder, by name.
    static func folders(in folder: String) -> [String] { entries(of: folder, S_IFDIR) }

    /// Bytes of a file; 0 if it is not there.
    static func size(of path: String) -> Int {
        var facts = stat()
        return stat(path, &facts) == 0 ? Int(facts.st_size) : 0
    }

    private static func entries(of folder: String, _ kind: mode_t) -> [String] {
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        var found: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var facts = stat()
            let path = folder + "/" + name
            if !name.hasPrefix("."), stat(path, &facts) == 0, facts.st_mode & S_IFMT == kind { found.append(path) }
        }
        return found.sorted()
    }

    /// `name` itself if it is a path to a file or has a slash, else the file of that name in the folder.
    static func resolve(_ name: String) -> String {
        name.contains("/") || access(name, R_OK) == 0 ? name : path + "/" + name
    }
}
