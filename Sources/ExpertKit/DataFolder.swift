import Glibc
import Wire

/// Where models lie on this machine.
public enum DataFolder {
    /// LORGNETTE_HOME, else `$XDG_DATA_HOME/lorgnette`, else `~/.local/share/lorgnette`.
    public static var home: String { HomeFolder.path }

    public static var models: String { "\(home)/models" }

    /// The path of a model: `name` itself if it is a path with a slash, else the file of that name in ``models``.
    /// - Throws: ``ExpertFailure`` MISSING_MODEL with the place that was looked at and how to fill it.
    public static func model(_ name: String) throws(ExpertFailure) -> String {
        let path = name.contains("/") ? name : "\(models)/\(name)"
        guard access(path, R_OK) == 0 else {
            throw .missingModel(
                "expected the model file \(path), found none that can be read; `make setup` fetches the starter models")
        }
        return path
    }

    /// A file that ships inside the program: the resources of target Models lie beside the executable.
    /// - Throws: ``ExpertFailure`` MISSING_MODEL.
    public static func bundled(_ name: String) throws(ExpertFailure) -> String {
        let path = "\(executableFolder)/lorgnette_Models.resources/Resources/\(name)"
        guard access(path, R_OK) == 0 else {
            throw .missingModel(
                "expected the bundled file \(path), found none that can be read; keep the folder beside the executable")
        }
        return path
    }

    private static var executableFolder: String {
        guard let path = realpath("/proc/self/exe", nil) else { return "." }
        defer { free(path) }
        let text = String(cString: path)
        return text.lastIndex(of: "/").map { String(text[..<$0]) } ?? "."
    }
}
