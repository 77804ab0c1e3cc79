import Foundation
import Pipelines

/// Questions for single items, from a file of JSON objects, one a line: `{"item": …, "question": …}`; other members are
/// passed over. An item is named by its path below the input folder, or by its file's name alone.
public struct Questions: Sendable {
    private var questions: [String: String] = [:]

    /// Reads a whole file. Throws `Faults`, all of them with their lines.
    public init(path: String) throws(Faults) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Faults(faults: [Fault(file: path, message: "cannot read the questions")])
        }
        var faults: [Fault] = []
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) {
            func add(_ key: String?, _ message: String) {
                faults.append(Fault(file: path, line: index + 1, key: key, message: message))
            }
            guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else {
                add(nil, "expected a JSON object, found something else")
                continue
            }
            guard let item = object["item"] as? String, !item.isEmpty else {
                add("item", "expected the name of a picture, found \(object["item"] ?? "nothing")")
                continue
            }
            guard let question = object["question"] as? String, !question.isEmpty else {
                add("question", "expected a question, found \(object["question"] ?? "nothing")")
                continue
            }
            if questions.updateValue(question, forKey: item) != nil { add("item", "\(item) is asked twice") }
        }
        if !faults.isEmpty { throw Faults(faults: faults) }
    }

    /// The question of an item, by its path or else by its last component; nil if it has none of its own.
    public subscript(item: String) -> String? {
        questions[item] ?? item.split(separator: "/").last.flatMap { questions[String($0)] }
    }
}
