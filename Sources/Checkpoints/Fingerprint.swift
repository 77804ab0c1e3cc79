import Crypto

/// What a file is, whatever it is called.
public enum Fingerprint {
    /// "sha256:" and 64 hexadecimal digits of the file's contents.
    public static func sha256(of path: String) throws(CheckpointError) -> String {
        try sha256(of: [path])
    }

    /// The same of several files as if they were one.
    public static func sha256(of paths: [String]) throws(CheckpointError) -> String {
        var hash = SHA256()
        for path in paths {
            let mapping = try MappedFile(path: path)
            withExtendedLifetime(mapping) { hash.update(bufferPointer: mapping.bytes.buffer) }
        }
        return "sha256:" + hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
