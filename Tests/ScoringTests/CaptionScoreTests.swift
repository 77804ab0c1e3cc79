import Checkpoints
import Foundation
import Golden
import Scoring
import Testing

@Suite struct CaptionScoreTests {
    static let fixtures = Golden.repository + "/Tests/Fixtures/captions/"
    static let starter = Golden.fixture("starter/captions.jsonl")
    static let flickr = Golden.data("flickr8k-224/val.jsonl")

    static func objects(_ path: String) throws -> [JSONValue] {
        try Golden.lines(of: path).map { line in
            try Data(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0, file: path) }
        }
    }

    /// The results that have references, in their order.
    static func cases(_ results: String, _ references: String) throws -> [CaptionCase] {
        let written = Dictionary(
            uniqueKeysWithValues: try objects(references).map { line in
                (line["item"]?.string ?? "", line["captions"]?.array?.compactMap(\.string) ?? [])
            })
        return try objects(results).compactMap { line in
            let item = line["item"]?.string?.split(separator: "/").last.map(String.init) ?? ""
            let text = line["caption"]?.string ?? line["stages"]?["caption"]?["text"]?.string
            return written[item].flatMap { CaptionCase(text ?? "", references: $0) }
        }
    }

    @Test func wordsAreThoseOfTheTreebank() throws {
        let lines = try Self.objects(Self.fixtures + "words.jsonl")
        #expect(lines.count > 50)
        for line in lines {
            let caption = try #require(line["caption"]?.string)
            #expect(CaptionTokenizer.words(caption) == line["words"]?.array?.compactMap(\.string))
        }
    }

    @Test func scoresAreThoseOfTheCOCOCode() throws {
        let cases = try Self.cases(Self.fixtures + "results.jsonl", Self.fixtures + "references.jsonl")
        let expected = try JSONValue(path: Self.fixtures + "expected.json")
        #expect(cases.count == expected["n"]?.int)
        for (name, score) in [
            ("BLEU-4", BLEU.score(cases)), ("CIDEr-D", CIDErD.score(cases)), ("ROUGE-L", ROUGEL.score(cases)),
        ] {
            let golden = try #require(expected[name]?.double)
            #expect(abs(score - golden) < 1e-9, "\(name): expected \(golden), found \(score)")
        }
    }

    @Test func nothingScoresNothing() throws {
        #expect(BLEU.score([]) < 1e-3 && CIDErD.score([]) == 0 && ROUGEL.score([]) == 0)
        #expect(CaptionCase("a dog", references: []) == nil)
        let empty = try #require(CaptionCase("...", references: ["a dog"]))
        #expect(empty.candidate.isEmpty)
        #expect(BLEU.score([empty]) < 1e-3 && CIDErD.score([empty]) == 0 && ROUGEL.score([empty]) == 0)
    }

    @Test func theCaptionOfAReferenceIsPerfect() throws {
        let cases = try ["a black dog runs on wet sand", "two men sit by the sea today"].map {
            try #require(CaptionCase($0, references: [$0.capitalized + "."]))
        }
        #expect(abs(BLEU.score(cases) - 1) < 1e-6 && abs(CIDErD.score(cases) - 10) < 1e-6 && ROUGEL.score(cases) == 1)
    }

    @Test(.enabled(if: starter != nil && flickr != nil, "needs ../shared/fixtures and ../shared/data"))
    func starterCaptionsScoreAsWithTheCOCOCode() throws {
        let cases = try Self.cases(try #require(Self.starter), try #require(Self.flickr))
        #expect(cases.count == 50)
        // As pycocoevalcap 1.2 prints them.
        for (name, score, golden) in [
            ("BLEU-4", BLEU.score(cases), 0.0894), ("CIDEr-D", CIDErD.score(cases), 0.2411),
            ("ROUGE-L", ROUGEL.score(cases), 0.3671),
        ] {
            #expect(abs(score - golden) <= 0.00005, "\(name): expected \(golden), found \(score)")
        }
    }
}
