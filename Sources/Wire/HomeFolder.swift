import Glibc

/// Where Lorgnette keeps what belongs to one user: models, keys.
public enum HomeFolder {
    /// LORGNETTE_HOME, else `$XDG_DATA_HOME/lorgnette`, else `~/.local/share/lorgnette`.
    public static var path: String {
        variable("LORGNETTE_HOME") ?? variable("XDG_DATA_HOME").map { "\($0)/lorgnette" }
            ?? "\(variable("HOME") ?? "/")/.local/share/lorgnette"
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
