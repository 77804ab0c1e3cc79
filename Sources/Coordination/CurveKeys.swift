import Wire

/// A user's CURVE keys, for the commands that make and show them.
public enum CurveKeys {
    /// True if the libzmq here can encrypt.
    public static var areAvailable: Bool { KeyPair.isAvailable }

    /// Where keys lie if nothing else is said.
    public static var folder: String { KeyFolder.home.path }

    public struct Made: Sendable {
        public let publicKey: String
        public let publicFile: String
        public let secretFile: String
    }

    /// Makes a pair.
    /// - Parameter folder: nil for ``folder``.
    /// - Throws: `WireError` for a name that is none, a key that is there already, a folder that cannot be written.
    public static func make(_ name: String, folder: String?) throws -> Made {
        let keys = folder.map { KeyFolder($0) } ?? .home
        let pair = try keys.make(name)
        return Made(
            publicKey: pair.publicKey.description, publicFile: keys.publicFile(name), secretFile: keys.secretFile(name))
    }
}
