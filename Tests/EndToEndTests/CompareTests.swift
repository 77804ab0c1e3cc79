import Foundation
import Golden
import Testing

/// `lorgnette compare`, as a person types it.
@Suite struct CompareTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private struct Answer {
        let experts: [String]
        let text: String?
    }

    private func compare(_ arguments: [String]) throws -> (answers: [Answer], whole: [String: Any]) {
        let ended = try bench.run(["compare"] + arguments + ["--json"])
        #expect(ended.status == 0, "\(ended.errors)")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
        let answers = try #require(object["answers"] as? [[String: Any]])
        let read = try answers.map { answer in
            Answer(
                experts: try #require(answer["experts"] as? [String]),
                text: (answer["answer"] as? [String: Any])?["text"] as? String)
        }
        return (read, object)
    }

    /// Each worker that starts leaves a line in a file.
    private func counted(_ stage: String) -> String {
        "command: [sh, -c, 'echo \(stage) >> \"\(bench.path)/starts\"; exec \"\(Workbench.programs)/lorgnette-rehearsal\"']"
    }

    @Test func everySubsetIsAnsweredByOneWorker() throws {
        try bench.picture("a.pgm", seed: 1)
        let pipeline = try bench.pipeline(
            """
            pipeline: t
            stages:
              first:  {\(counted("first")), say: one}
              second: {\(counted("second")), say: two, context: [first]}
              aside:  {\(counted("aside")), say: three}
              last:   {\(counted("last")), context: [first, second], credit: 1}
            answer: last
            """)
        let picture = "\(bench.inputs)/a.pgm"
        let (answers, object) = try compare([picture, "what?", "--pipeline", pipeline])
        #expect(answers.map(\.experts) == [[], ["first"], ["second"], ["first", "second"]])
        #expect(answers.map(\.text) == ["", "one", "two", "one\ntwo"].map { "a.pgm | what?" + ($0.isEmpty ? "" : " | \($0)") })
        let stages = try #require(object["stages"] as? [String: [String: Any]])
        #expect(stages.keys.sorted() == ["first", "second"])
        #expect(stages["second"]?["attempts"] as? Int == 1)
        #expect(object["question"] as? String == "what?" && object["schema"] as? String == "lorgnette.compare/1")
        let starts = try String(contentsOfFile: "\(bench.path)/starts", encoding: .utf8)
        #expect(starts.split(separator: "\n").sorted() == ["first", "last", "second"])

        let table = try bench.run(["compare", picture, "what?", "--pipeline", pipeline])
        #expect(table.status == 0, "\(table.errors)")
        for cell in ["the question alone", "first, second", "a.pgm | what? | one two", "what it found"] {
            #expect(table.output.contains(cell), "\(table.output)")
        }
    }

    @Test func anAnswerThatFailsLeavesTheOthers() throws {
        try bench.picture("a.pgm", seed: 1)
        let pipeline = try bench.pipeline(
            """
            pipeline: t
            stages:
              text: {expert: rehearsal, say: one, when: text2.words > 5}
              text2: {expert: rehearsal, say: two}
              last: {expert: rehearsal, context: [text, text2], fail_on: a.pgm}
            answer: last
            """)
        let ended = try bench.run(["compare", "\(bench.inputs)/a.pgm", "what?", "--pipeline", pipeline])
        #expect(ended.status == 1)
        #expect(ended.output.contains("(not run; when: text2.words > 5)"), "\(ended.output)")
        #expect(ended.output.contains("fail_on says so"), "\(ended.output)")
        let none = try bench.run([
            "compare", "\(bench.inputs)/a.pgm", "what?", "--pipeline", pipeline, "--set", "last.context=[]",
        ])
        #expect(none.status == 2)
        #expect(none.errors.contains("no stage feeds it"), "\(none.errors)")
        #expect(try bench.run(["compare", "\(bench.inputs)/none.pgm", "what?", "--pipeline", pipeline]).status == 2)
    }

    /// The paper's figure at the command line: what a price list says, only the OCR expert knows.
    @Test(
        .enabled(if: Golden.smolLM2 != nil, "the SmolLM2 GGUF is not in the data folder: make setup fetches it"),
        .enabled(if: Golden.dinov2 != nil, "the DINOv2 ONNX is not in the data folder: make setup fetches it"))
    func theTextOfAPriceListMakesTheAnswerRight() throws {
        let picture = "\(Workbench.package)/Tests/Fixtures/ocr/prices.png"
        let (answers, _) = try compare([picture, "How much is a cappuccino?"])
        #expect(answers.count == 8)
        // With the text but without the others, a model of this size may take the price of another line.
        for answer in answers where !answer.experts.contains("text") {
            let text = try #require(answer.text, "\(answer.experts)")
            #expect(!text.contains("3.40"), "\(answer.experts): \(text)")
        }
        let whole = try #require(answers.last)
        #expect(whole.experts == ["visual", "caption", "text"])
        #expect(whole.text?.contains("3.40") == true, "\(whole.text ?? "nothing")")
    }
}
