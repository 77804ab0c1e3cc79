import Crypto
import ExpertKit
import Glibc

/// The option `run`: a program and its arguments, in which `{picture}` and `{question}` stand for a task's. Each stays inside
/// the argument that it stands in: no shell ever reads them.
struct RunTemplate {
    /// The program's path, then the arguments as written.
    let words: [String]

    static let picture = "{picture}"
    static let question = "{question}"

    /// - Parameter path: folders to look for a program without a slash, separated by colons.
    /// - Throws: ``ExpertFailure`` BAD_OPTION, MISSING_MODEL if there is no such program.
    init(_ words: [String], path: String) throws(ExpertFailure) {
        guard let program = words.first, !program.isEmpty else {
            throw .badOption("option \"run\": expected a program and its arguments, found none")
        }
        guard words.dropFirst().contains(where: { $0.contains(Self.picture) || $0.contains(Self.question) }) else {
            throw .badOption(
                "option \"run\": expected \(Self.picture) or \(Self.question) in an argument, found neither")
        }
        guard !words.contains(where: { $0.utf8.contains(0) }) else {
            throw .badOption("option \"run\": expected no character NUL, found one")
        }
        let places = program.contains("/") ? [program] : path.split(separator: ":").map { "\($0)/\(program)" }
        guard let place = places.first(where: { access($0, X_OK) == 0 && Self.isFile($0) }) else {
            throw .missingModel(
                "option \"run\": expected a program, found none that can be run: \(places.joined(separator: ", "))")
        }
        self.words = [place] + words.dropFirst()
    }

    /// The command for a task.
    /// - Throws: ``ExpertFailure`` BAD_INPUT if the question has a NUL, which no argument can hold.
    func command(picture: String, question: String) throws(ExpertFailure) -> [String] {
        guard !question.utf8.contains(0) else { throw .badInput("question: expected no character NUL, found one") }
        return words.enumerated().map { index, word in index == 0 ? word : Self.filled(word, picture, question) }
    }

    var takesPicture: Bool { words.dropFirst().contains { $0.contains(Self.picture) } }

    /// In one pass: what was put in is not looked at again.
    private static func filled(_ word: String, _ picture: String, _ question: String) -> String {
        var out = ""
        var rest = word[...]
        while let brace = rest.firstIndex(of: "{") {
            out += rest[..<brace]
            rest = rest[brace...]
            if rest.hasPrefix(Self.picture) {
                out += picture
                rest = rest.dropFirst(Self.picture.count)
            } else if rest.hasPrefix(Self.question) {
                out += question
                rest = rest.dropFirst(Self.question.count)
            } else {
                out += "{"
                rest = rest.dropFirst()
            }
        }
        return out + rest
    }

    /// What the result depends on besides the picture: the program, and each file that is an argument, such as a script.
    /// - Throws: ``ExpertFailure`` MISSING_MODEL if one cannot be read.
    func models() throws(ExpertFailure) -> [ExpertModel] {
        var models: [ExpertModel] = []
        for (index, word) in words.enumerated() where index == 0 || Self.isFile(word) {
            models.append(
                ExpertModel(
                    role: index == 0 ? "program" : "file",
                    name: word.split(separator: "/").last.map(String.init) ?? word,
                    fingerprint: try Self.fingerprint(word)))
        }
        return models
    }

    private static func isFile(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
    }

    private static func fingerprint(_ path: String) throws(ExpertFailure) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .missingModel("option \"run\": \(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var hasher = SHA256()
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw .missingModel("option \"run\": \(path): \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            chunk.withUnsafeBytes { hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        return "sha256:" + hasher.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
