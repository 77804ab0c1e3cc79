import Foundation

/// `results.jsonl` as a table for people: picture, caption, text found, answer.
struct ResultTable {
    let text: String

    /// Nil if the file cannot be read.
    init?(file: String) {
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        var rows = [["picture", "caption", "text found", "answer"]]
        for line in data.split(separator: UInt8(ascii: "\n")) {
            guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else { continue }
            rows.append(Self.row(object))
        }
        text = TextTable(rows, widths: [18, 34, 30, 60]).text
    }

    private static func row(_ object: [String: Any]) -> [String] {
        let stages = object["stages"] as? [String: [String: Any]] ?? [:]
        func words(of expert: String) -> String {
            stages.values.first { $0["expert"] as? String == expert }?["text"] as? String ?? ""
        }
        let answer = (object["answer"] as? [String: Any])?["text"] as? String
        let isCaption = stages.values.contains { $0["expert"] as? String == "captioner" && $0["text"] == nil }
        let trouble = (object["error"] as? [String: Any])?["message"] as? String
        let status = object["status"] as? String ?? ""
        return [
            object["item"] as? String ?? "", isCaption ? answer ?? "" : words(of: "captioner"), brief(words(of: "ocr"), 120),
            brief(answer ?? trouble.map { "\(status): \($0)" } ?? "", 400),
        ].map { Terminal.clean($0) }
    }

    private static func brief(_ text: String, _ limit: Int) -> String {
        text.count > limit ? text.prefix(limit) + "…" : text
    }
}
