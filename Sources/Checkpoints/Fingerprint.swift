import Crypto

/// What a file is, whatever it is called.
public enum Fingerprint {
    /// "sha256:" and 64 hexadecimal digits of the file's contents.
    public static func sha256(of path: String) throws(CheckpointError) -> String {
        let mapping = try MappedFile(path: path)
        return withExtendedLifetime(mapping) { sha256(of: mapping.bytes.buffer) }
    }

    static func sha256(of bytes: UnsafeRawBufferPointer) -> String {
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        return "sha256:" + hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
