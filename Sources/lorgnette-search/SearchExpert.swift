import Crypto
import ExpertKit
import Glibc
import Wire

/// The paper's search engine: looks for what other experts said, and for the question, in a folder of notes or in the
/// results of an earlier run.
final class SearchExpert: Expert {
    static let description = ExpertDescription(
        service: "search", software: "lorgnette-search 0.1.0",
        about: "Finds the passages of your notes, or of earlier results, that fit what is seen and asked.",
        // Of the picture it needs only the hash, by which it knows what an earlier run said of this same picture.
        inputs: [.picture(required: false), .question(required: false), .text("context", required: false)],
        outputs: [.text("text")],
        options: [
            .string("notes", "A folder of .txt and .md files; a path, or a name in the data folder."),
            .string("results", "A results.jsonl of an earlier run; a path, or a name in the data folder."),
            .integer("top", default: 3, in: 1...20, "Passages to give at most."),
        ])

    private static let longestLine = 4 << 20

    private let index: PassageIndex
    private let top: Int
    private(set) var models: [ExpertModel] = []
    /// Files and lines that are not in the index, with the reason.
    private var leftOut: [String] = []

    init(options: ExpertOptions) throws {
        top = try options.int("top")
        index = try PassageIndex()
        guard options["notes"] != nil || options["results"] != nil else {
            throw ExpertFailure.badOption(
                "expected a folder as option \"notes\", or a file as option \"results\", found neither")
        }
        if options["notes"] != nil { try readNotes(Self.place(options.string("notes"))) }
        if options["results"] != nil { try readResults(Self.place(options.string("results"))) }
    }

    private static func place(_ name: String) -> String { name.contains("/") ? name : "\(DataFolder.home)/\(name)" }

    private func readNotes(_ path: String) throws {
        var folder = try NotesFolder(path)
        var whole = SHA256()
        try folder.readAll { note in
            whole.update(data: Array("\(note.path.utf8.count):\(note.path)".utf8))
            whole.update(data: Array(SHA256.hash(data: note.bytes)))
            let text = PrintableText(note.bytes).text
            try index.add(NotesText.passages(text, file: note.path, isMarkdown: note.isMarkdown))
        }
        leftOut += folder.leftOut
        models.append(ExpertModel(role: "notes", name: Self.name(path), fingerprint: whole.fingerprint))
    }

    private func readResults(_ path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        var facts = stat()
        guard file >= 0, fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            let found = file < 0 ? NotesFolder.reason : "no plain file"
            if file >= 0 { close(file) }
            throw ExpertFailure.missingModel(
                "option \"results\": expected a file of results at \(path), found \(found)")
        }
        defer { close(file) }
        var whole = SHA256()
        let name = Self.name(path)
        let isRead = try FileBytes.readLines(
            file, atMost: Self.longestLine, see: { whole.update(bufferPointer: $0) },
            take: { number, line in
                if let line, let passages = ResultsText.passages(line, file: name, number: number) {
                    try index.add(passages)
                } else {
                    leftOut.append("\(name):\(number): not a line of results")
                }
            })
        guard isRead else { throw ExpertFailure.missingModel("option \"results\": \(path): \(NotesFolder.reason)") }
        models.append(ExpertModel(role: "results", name: name, fingerprint: whole.fingerprint))
    }

    func answer(_ task: ExpertTask) throws -> ExpertAnswer {
        let query = SearchQuery([task.question, task.text("context")])
        let picture = task.picture?.sha256.map(Self.hexadecimal).joined() ?? ""
        let found = try index.best(top, for: query, apartFrom: picture)
        var answer = ExpertAnswer(
            text: found.map { $0.heading.isEmpty ? $0.text : "\($0.heading): \($0.text)" }.joined(separator: "\n"))
        for (place, passage) in found.enumerated() {
            answer.facts["passage \(place + 1)"] = "\(passage.file):\(passage.line)"
        }
        answer.facts["query"] = query.words.prefix(20).joined(separator: " ")
        if let first = leftOut.first {
            answer.facts["left out"] = leftOut.count == 1 ? first : "\(leftOut.count) of the notes, such as \(first)"
        }
        return answer
    }

    private static func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    private static func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
}

extension SHA256 {
    fileprivate var fingerprint: String {
        "sha256:" + finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
