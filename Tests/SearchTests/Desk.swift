import Foundation

/// A private folder with notes in it.
final class Desk {
    let path = "\(FileManager.default.temporaryDirectory.path)/lorgnette-search-\(UUID().uuidString)"
    var notes: String { "\(path)/notes" }

    init() throws { try FileManager.default.createDirectory(atPath: notes, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let file = "\(path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    @discardableResult
    func note(_ name: String, _ text: String) throws -> String { try write("notes/\(name)", text.utf8) }
}
