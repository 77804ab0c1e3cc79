import ExpertKit
import Foundation

/// What an earlier run said of its pictures: a line of `results.jsonl` is an item.
enum ResultsText {
    private struct Line: Decodable {
        struct Words: Decodable { let text: String? }
        let schema: String
        let item: String
        let sha256: String?
        let stages: [String: Words]
        let answer: Words?
    }

    /// A passage for each paragraph that a stage or the answer said, each once; nil if the line is none of a result.
    static func passages(_ line: some Collection<UInt8>, file: String, number: Int) -> [Passage]? {
        guard let result = try? JSONDecoder().decode(Line.self, from: Data(line)), result.schema == "lorgnette.result/1"
        else {
            return nil
        }
        let item = PrintableText(Array(result.item.utf8)).text
        let said = result.stages.sorted { $0.key < $1.key }.map(\.value) + [result.answer].compactMap { $0 }
        var passages: [Passage] = []
        for text in said.compactMap(\.text) {
            let printable = PrintableText(Array(text.utf8)).text
            for piece in Passage.pieces(Passage.onOneLine(printable))
            where !passages.contains(where: { $0.text == piece }) {
                passages.append(
                    Passage(text: piece, heading: item, file: file, line: number, picture: result.sha256 ?? ""))
            }
        }
        return passages
    }
}
