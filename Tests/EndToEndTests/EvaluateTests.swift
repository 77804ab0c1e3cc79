import Foundation
import Testing

/// `lorgnette evaluate …` and `lorgnette models answer`, as a person types them.
@Suite struct EvaluateTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private static let fixtures = "\(Workbench.package)/Tests/Fixtures"
    private static let language = "\(fixtures)/tiny/language.gguf"

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    @Test func captionsAreMatchedByFileNameAndScored() throws {
        let files = ["results.jsonl", "references.jsonl"].map { "\(Self.fixtures)/captions/\($0)" }
        let ended = try bench.run(["evaluate", "captions"] + files + ["--json"])
        #expect(ended.status == 0, "\(ended.errors)")
        let figures = try object(ended.output)
        #expect(figures["n"] as? Int == 18)
        #expect(figures["missing"] as? Int == 1)
        #expect(figures["BLEU-4"] as? Double == 0.4804)
        #expect(figures["CIDEr-D"] as? Double == 2.0959)
        #expect(figures["ROUGE-L"] as? Double == 0.6244)
        let table = try bench.run(["evaluate", "captions"] + files + ["--field", "answer.text"])
        #expect(table.status == 0 && table.output.contains("CIDEr-D   0.0000"), "\(table.output)")
    }

    @Test func answersAreCountedByKind() throws {
        let questions = try bench.write(
            "questions.jsonl",
            """
            {"item": "a.png", "question": "How much is the tea?", "answer": "$2.50", "kind": "prices"}
            {"item": "b.png", "question": "Which gate?", "answer": "B12", "kind": "ticket"}
            {"item": "c.png", "question": "Which gate?", "answer": "C3", "kind": "ticket"}
            """.utf8)
        let results = try bench.write(
            "results.jsonl",
            """
            {"item": "in/a.png", "answer": {"text": "$2.50."}}
            {"item": "in/b.png", "answer": {"text": "The gate is B12."}}
            {"item": "in/c.png", "answer": null}
            """.utf8)
        let ended = try bench.run(["evaluate", "answers", results, questions, "--json", "--wrong"])
        #expect(ended.status == 0, "\(ended.errors)")
        let figures = try object(ended.output)
        #expect(figures["n"] as? Int == 3)
        #expect(figures["missing"] as? Int == 1)
        #expect(figures["exact"] as? Double == 0.3333)
        #expect(figures["contains"] as? Double == 0.6667)
        let kinds = figures["kinds"] as? [String: [String: Any]]
        #expect(kinds?["ticket"]?["n"] as? Int == 2)
        #expect(kinds?["ticket"]?["exact"] as? Double == 0)
        #expect(ended.errors.contains("b.png: Which gate? expected \"B12\", found \"The gate is B12.\""))

        try bench.write("results.jsonl", "{\"item\": \"a.png\", \"answer\": {\"text\": 2}}\n".utf8)
        let faulty = try bench.run(["evaluate", "answers", results, questions])
        #expect(faulty.status != 0)
        #expect(faulty.errors.contains("results.jsonl, line 1: \"answer.text\": expected an answer, found 2"))
    }

    @Test func aModelAnswersOnceAndItsAnswersAreJudged() throws {
        let prompts = try bench.write(
            "prompts.jsonl",
            """
            {"instruction": "Say hello.", "input": "", "split": "val"}
            {"instruction": "Write this in capitals.", "input": "a cat"}
            {"prompt": "What is tea?"}

            """.utf8)
        let out = "\(bench.path)/answers.jsonl"
        let words = ["models", "answer", Self.language, prompts, "--out", out, "--limit", "4"]
        // One answer and the beginning of a line, as a killed run leaves it.
        #expect(try bench.run(words + ["--split", "val"]).status == 0)
        let first = try String(contentsOfFile: out, encoding: .utf8)
        try (first + "{\"answer\":\"ha").write(toFile: out, atomically: true, encoding: .utf8)
        let ended = try bench.run(words)
        #expect(ended.status == 0, "\(ended.errors)")
        let lines = try String(contentsOfFile: out, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 3 && lines[0] + "\n" == first[...])
        let second = try object(String(lines[1]))
        #expect(second["prompt"] as? String == "Write this in capitals.\n\na cat")
        #expect(second["input"] as? String == "a cat")
        #expect(try object(String(lines[0]))["split"] as? String == "val")
        let another = try bench.run(words.dropLast() + ["5"])
        #expect(another.errors.contains("answers.jsonl, line 1: \"limit\": expected 5, found 4"), "\(another.errors)")

        let judged = try bench.run(["evaluate", "likelihood", Self.language, out, "--json"])
        #expect(judged.status == 0, "\(judged.errors)")
        let plain = try object(judged.output)
        #expect(plain["n"] as? Int == 3)
        #expect(try #require(plain["log-likelihood"] as? Double) < 0)
        // V1 has nothing but prompts, which act without being asked for.
        for adapter in [["adapter.safetensors", "--prompts"], ["v1.pth"]] {
            let words = ["--adapter", "\(Self.fixtures)/tiny/\(adapter[0])"] + adapter.dropFirst()
            let adapted = try bench.run(["evaluate", "likelihood", Self.language, out, "--json"] + words)
            #expect(adapted.status == 0, "\(adapted.errors)")
            #expect(try object(adapted.output)["log-likelihood"] as? Double != plain["log-likelihood"] as? Double)
        }
    }
}
