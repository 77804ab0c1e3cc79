import Glibc

/// Where a user's CURVE keys lie: `NAME.key` is public, `NAME.key_secret` is not.
///
/// Each file is one line, `lorgnette-public-key` or `lorgnette-secret-key` and the key's 40 characters.
public struct KeyFolder: Sendable {
    public let path: String

    private static let publicMark = "lorgnette-public-key"
    private static let secretMark = "lorgnette-secret-key"
    private static let mostBytes = 4096

    /// `keys` in the user's data folder.
    public static var home: KeyFolder { KeyFolder("\(HomeFolder.path)/keys") }

    public init(_ path: String) { self.path = path }

    public func publicFile(_ name: String) -> String { "\(path)/\(name).key" }
    public func secretFile(_ name: String) -> String { "\(path)/\(name).key_secret" }

    /// Makes a pair and writes both files, the secret one with mode 0600.
    /// - Throws: ``WireError/key(_:reason:)`` for a name that is none, a file that is there already, or a folder that cannot be written.
    @discardableResult
    public func make(_ name: String) throws(WireError) -> KeyPair {
        guard KeyFolder.isName(name) else {
            throw .key(name, reason: "expected a name of letters, digits, dots, - and _, at most 64")
        }
        let pair = try KeyPair()
        try makeFolder()
        // The secret first: a public key without its secret would be handed out and fit nothing.
        try KeyFolder.write("\(KeyFolder.secretMark) \(pair.secret)\n", to: secretFile(name), mode: 0o600)
        do throws(WireError) {
            try KeyFolder.write("\(KeyFolder.publicMark) \(pair.publicKey)\n", to: publicFile(name), mode: 0o644)
        } catch {
            unlink(secretFile(name))
            throw error
        }
        return pair
    }

    /// The public key that `word` means: the key itself, the name of one in this folder, or a file's path (with a slash).
    /// - Throws: ``WireError/key(_:reason:)``; also for a file that others can write, which could be anybody's key.
    public func publicKey(_ word: String) throws(WireError) -> PublicKey {
        if let key = PublicKey(word), !KeyFolder.isFile(word) { return key }
        let file = try file(word, suffix: ".key")
        let text = try KeyFolder.read(file) { facts in
            if facts.st_uid != geteuid(), facts.st_uid != 0 { return "it belongs to user \(facts.st_uid)" }
            return facts.st_mode & 0o002 != 0 ? "everybody can write it: chmod o-w" : nil
        }
        if text.hasPrefix(KeyFolder.secretMark) {
            throw .key(file, reason: "expected a public key, found a secret one")
        }
        guard let key = KeyFolder.key(in: text, after: KeyFolder.publicMark).flatMap({ PublicKey($0) }) else {
            throw .key(file, reason: "expected \(KeyFolder.publicMark) and 40 characters of Z85, found something else")
        }
        return key
    }

    /// The pair whose secret key `word` names: a name in this folder, or a file's path (with a slash).
    /// - Throws: ``WireError/key(_:reason:)``; also for a file that is not the caller's own or that others can read.
    public func keyPair(_ word: String) throws(WireError) -> KeyPair {
        // It may be the secret itself, and messages end up in logs.
        guard Z85.decoded(word) == nil || KeyFolder.isFile(word) else {
            throw .key(
                "of our own",
                reason: "expected the name or the file of a secret key, found 40 characters of Z85, not shown here")
        }
        let file = try file(word, suffix: ".key_secret")
        let text = try KeyFolder.read(file) { facts in
            if facts.st_uid != geteuid() {
                return "it belongs to user \(facts.st_uid), expected \(geteuid()), who runs this"
            }
            guard facts.st_mode & 0o077 != 0 else { return nil }
            return
                "others can read or write it (mode \(String(facts.st_mode & 0o777, radix: 8))): chmod 600, and think of it as known"
        }
        guard let pair = KeyFolder.key(in: text, after: KeyFolder.secretMark).flatMap({ KeyPair(secret: $0) }) else {
            // What was found may be a secret in another form: it is not shown.
            throw .key(file, reason: "expected \(KeyFolder.secretMark) and 40 characters of Z85, found something else")
        }
        return pair
    }

    /// True for what can be a file's name, and only that.
    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && !text.hasPrefix(".") && !text.hasPrefix("-")
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                    || [0x2d, 0x2e, 0x5f].contains(byte)
            }
    }

    /// A path can have 40 characters, and each of them can be one of Z85's.
    private static func isFile(_ word: String) -> Bool { word.contains("/") && access(word, F_OK) == 0 }

    private func file(_ word: String, suffix: String) throws(WireError) -> String {
        if word.contains("/") { return word }
        guard KeyFolder.isName(word) else {
            throw .key(word, reason: "expected a key's name, a path with a slash in it, or 40 characters of Z85")
        }
        return "\(path)/\(word)\(suffix)"
    }

    private func makeFolder() throws(WireError) {
        var prefix = ""
        for part in path.split(separator: "/") {
            prefix += (prefix.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
            // Only the last is ours alone; what is above may hold other things.
            guard mkdir(prefix, prefix.utf8.count >= path.utf8.count - 1 ? 0o700 : 0o755) == 0 || errno == EEXIST else {
                throw .key(prefix, reason: "the folder cannot be made: \(String(cString: strerror(errno)))")
            }
        }
    }

    private static func key(in text: String, after mark: String) -> Substring? {
        let words = text.split(whereSeparator: \.isWhitespace)
        return words.count == 2 && words[0] == mark ? words[1] : nil
    }

    private static func write(_ text: String, to file: String, mode: mode_t) throws(WireError) {
        func reason() -> String { String(cString: strerror(errno)) }
        let descriptor = open(file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else {
            throw .key(file, reason: errno == EEXIST ? "it is there already, and a key is never overwritten" : reason())
        }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            let reason = reason()
            unlink(file)
            throw .key(file, reason: "it cannot be written: \(reason)")
        }
    }

    /// A small file's text. `complaint` sees the very file that is read, not one that takes its place.
    private static func read(_ file: String, complaint: (stat) -> String?) throws(WireError) -> String {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let isAbsent = errno == ENOENT
            throw .key(file, reason: isAbsent ? "there is no such file" : String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw .key(file, reason: "expected a plain file, found something else")
        }
        if let complaint = complaint(facts) { throw .key(file, reason: complaint) }
        var bytes = [UInt8](repeating: 0, count: mostBytes)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw .key(file, reason: String(cString: strerror(errno))) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
