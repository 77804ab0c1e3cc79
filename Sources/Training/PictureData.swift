import Checkpoints
import Glibc
import Tensors

/// A folder of pictures with captions: `captions.jsonl` in it (or beside it, under the folder's name), lines of
/// {"item": file, "captions": [text, …]} or {"item": …, "caption": text}; or a text file for each picture, `cat.jpg` and
/// `cat.txt`, one caption a line.
public struct PictureData: Sendable {
    public struct Entry: Sendable, Equatable {
        /// The picture's path.
        public let path: String
        /// At least one, tidied.
        public let captions: [String]
    }

    public let entries: [Entry]

    /// Reads the captions; no picture is opened. Throws `DataFaults` with every fault of the folder at once.
    public init(folder: String) throws {
        let lists: [String] = ["\(folder)/captions.jsonl", "\(folder).jsonl"]
        let listed = lists.first { access($0, R_OK) == 0 }
        entries = try listed.map { try Self.listed(folder, $0) } ?? Self.sidecars(folder)
        if entries.isEmpty {
            throw DataFaults([
                "\(folder): expected captions.jsonl, \(folder).jsonl or pictures with .txt files, found none"
            ])
        }
    }

    private static func listed(_ folder: String, _ list: String) throws -> [Entry] {
        var faults = DataFaults([])
        var entries: [Entry] = []
        var seen: [String: Int] = [:]
        for (number, line) in try TextLines.read(list) {
            let place = "\(list):\(number)"
            do {
                let value = try TextLines.json(line, place)
                guard let item = value["item"]?.string, !item.isEmpty else {
                    faults.add("\(place): item: expected a file's name, found \(value["item"]?.kind ?? "none")")
                    continue
                }
                if let first = seen.updateValue(number, forKey: item) {
                    faults.add("\(place): \(item): expected each item once, found it in line \(first), too")
                }
                let texts = value["captions"]?.array?.map(\.string) ?? [value["caption"]?.string]
                let captions = texts.compactMap { $0 }.map(Caption.tidy).filter { !$0.isEmpty }
                guard !captions.isEmpty, captions.count == texts.count else {
                    faults.add(
                        "\(place): \(item): expected captions with text, found \(captions.count) of \(texts.count)")
                    continue
                }
                guard access(folder + "/" + item, R_OK) == 0 else {
                    faults.add("\(place): \(folder)/\(item): \(String(cString: strerror(errno)))")
                    continue
                }
                entries.append(Entry(path: folder + "/" + item, captions: captions))
            } catch {
                faults.add(error.first)
            }
        }
        try faults.check()
        return entries
    }

    private static func sidecars(_ folder: String) throws -> [Entry] {
        guard let handle = opendir(folder) else {
            throw DataFaults(["\(folder): \(String(cString: strerror(errno)))"])
        }
        var names: [String] = []
        while let entry = readdir(handle) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        closedir(handle)
        var faults = DataFaults([])
        var entries: [Entry] = []
        let pictures = ["jpg", "jpeg", "png", "webp", "tif", "tiff", "gif", "bmp", "pnm", "ppm", "pgm"]
        for name in names.sorted() {
            guard let dot = name.lastIndex(of: "."), pictures.contains(name[name.index(after: dot)...].lowercased())
            else { continue }
            let sidecar = "\(folder)/\(name[..<dot]).txt"
            guard access(sidecar, R_OK) == 0 else { continue }
            let captions = try TextLines.read(sidecar).map { Caption.tidy(String($0.text)) }.filter { !$0.isEmpty }
            if captions.isEmpty { faults.add("\(sidecar): expected a caption, found none") }
            entries.append(Entry(path: "\(folder)/\(name)", captions: captions))
        }
        try faults.check()
        return entries
    }
}

/// Captions as people write sentences: data sets come with their punctuation set apart by spaces.
public enum Caption {
    public static func tidy(_ text: String) -> String {
        var out = ""
        for word in text.split(whereSeparator: \.isWhitespace) {
            let joins = word.count <= 2 && word.allSatisfy { ".,!?;:".contains($0) }
            if !out.isEmpty, !joins { out += " " }
            out += word
        }
        return out
    }
}
