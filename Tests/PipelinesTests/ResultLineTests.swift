import Foundation
import Testing

@testable import Pipelines

@Suite struct ResultLineTests {
    static let line = ResultLine(
        item: "sub/cat.jpg", sha256: String(repeating: "ab", count: 32), status: .ok,
        picture: PictureFacts(format: "jpeg", width: 640, height: 480, orientation: 6, pages: 1),
        stages: [
            .init(
                name: "visual",
                report: StageReport(
                    expert: "encoder", status: .ok, outcome: StageOutcome(hasTensors: true, models: ["sha256:1"]),
                    seconds: 0.05,
                    attempts: 1, cached: true)),
            .init(
                name: "caption",
                report: StageReport(
                    expert: "captioner", status: .ok,
                    outcome: StageOutcome(text: "A cat …", models: ["sha256:2", "sha256:3"]),
                    seconds: 0.41, attempts: 1)),
            .init(
                name: "text",
                report: StageReport(
                    expert: "ocr", status: .ok,
                    outcome: StageOutcome(
                        text: "OPEN\nDaily 9–5", confidence: 0.93,
                        lines: [
                            TextLine(
                                text: "OPEN", box: [12, 40, 220, 64], confidence: 0.97,
                                words: [TextWord(text: "OPEN", box: [12, 40, 220, 64], confidence: 0.97)])
                        ], facts: ["script": "Latin", "dpi": "300"]),
                    seconds: 0.2, attempts: 2)),
            .init(
                name: "answer",
                report: StageReport(
                    expert: "generator", status: .ok,
                    outcome: StageOutcome(
                        text: "A shop.",
                        generation: Generation(
                            tokens: 57, finish: "stop", cut: [Cut(stage: "text", lines: 2, tokens: 31)], seed: 1,
                            promptTokens: 90,
                            used: ["visual", "caption", "text"])),
                    seconds: 1.300049, attempts: 1, model: "sha256:4")),
        ], answerStage: "answer")

    @Test func isTheSchemaToTheLetter() {
        let sha = String(repeating: "ab", count: 32)
        #expect(
            Self.line.json() == """
                {"schema":"lorgnette.result/1","item":"sub/cat.jpg","sha256":"\(sha)","status":"ok",\
                "picture":{"format":"jpeg","width":640,"height":480,"orientation":6,"pages":1},\
                "stages":{"visual":{"expert":"encoder","status":"ok","model":"sha256:1","seconds":0.05,"attempts":1,"cached":true},\
                "caption":{"expert":"captioner","status":"ok","text":"A cat …","model":"sha256:2","models":["sha256:2","sha256:3"],\
                "seconds":0.41,"attempts":1},\
                "text":{"expert":"ocr","status":"ok","text":"OPEN\\nDaily 9–5","confidence":0.93,\
                "lines":[{"text":"OPEN","box":[12,40,220,64],"confidence":0.97}],"facts":{"dpi":"300","script":"Latin"},\
                "seconds":0.2,"attempts":2},\
                "answer":{"expert":"generator","status":"ok","text":"A shop.","model":"sha256:4","seconds":1.3,"attempts":1}},\
                "answer":{"text":"A shop.","tokens":57,"finish":"stop","used":["visual","caption","text"],\
                "cut":[{"stage":"text","lines":2,"tokens":31}],"seed":1,"seconds":1.3},"error":null}
                """)
    }

    @Test func tellsWhyAnItemFailed() {
        let report = StageReport(
            expert: "ocr", status: .failed,
            error: StageError(code: "BAD_PICTURE", message: "expected a JPEG, found \"\u{0}\""), seconds: 0,
            attempts: 3)
        let line = ResultLine(
            item: "b%FFd.jpg", itemIsEscaped: true, status: .failed, stages: [.init(name: "text", report: report)],
            answerStage: "text",
            error: ItemError(stage: "text", code: "BAD_PICTURE", message: "no"))
        #expect(
            line.json() == """
                {"schema":"lorgnette.result/1","item":"b%FFd.jpg","item_escaped":true,"sha256":null,"status":"failed","picture":null,\
                "stages":{"text":{"expert":"ocr","status":"failed",\
                "error":{"code":"BAD_PICTURE","message":"expected a JPEG, found \\"\\u0000\\""},"seconds":0,"attempts":3}},\
                "answer":null,"error":{"stage":"text","code":"BAD_PICTURE","message":"no"}}
                """)
        let skipped = ResultLine(
            item: "notes.txt", status: .skipped, error: ItemError(code: "NOT_A_PICTURE", message: "text"))
        #expect(
            skipped.json() == """
                {"schema":"lorgnette.result/1","item":"notes.txt","sha256":null,"status":"skipped","picture":null,"stages":{},\
                "answer":null,"error":{"stage":null,"code":"NOT_A_PICTURE","message":"text"}}
                """)
    }

    @Test func oddCharactersAreEscaped() {
        func shown(_ text: String) -> String { OptionValue.string(text).json }
        #expect(shown("a\"b\\c/d") == #""a\"b\\c/d""#)
        #expect(shown("\n\r\t\u{8}\u{1F}\u{7F}\u{85}") == #""\n\r\t\u0008\u001f\u007f\u0085""#)
        #expect(shown("\r\n") == #""\r\n""#)
        #expect(shown("\u{2028}\u{2029}\u{202E}\u{2066}\u{FEFF}") == #""\u2028\u2029\u202e\u2066\ufeff""#)
        #expect(shown("\u{E0041}\u{FFFF}") == #""\udb40\udc41\uffff""#)
        #expect(shown("é日本😀👨‍👩‍👧") == "\"é日本😀👨‍👩‍👧\"")
        #expect(shown(String(decoding: [0xFF, 0x41], as: UTF8.self)) == "\"\u{FFFD}A\"")
    }

    @Test func anyTextComesBackTheSame() throws {
        let scalars = (0...0x10FFFF).compactMap(Unicode.Scalar.init)
        let texts = stride(from: 0, to: scalars.count, by: 997).map { start in
            String(String.UnicodeScalarView(scalars[start..<min(start + 40, scalars.count)]))
        }
        for text in texts {
            let line = ResultLine(item: text, status: .ok).json()
            #expect(!line.utf8.contains { $0 < 0x20 })
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            let back = try #require(object?["item"] as? String)
            #expect(Array(back.unicodeScalars) == Array(text.unicodeScalars))
        }
    }

    @Test(arguments: [
        (0.0, "0"), (-0.0, "0"), (1, "1"), (0.41, "0.41"), (1.30004, "1.3"), (1.23456, "1.2346"), (0.00004, "0"),
        (-0.5, "-0.5"),
        (12345.6789, "12345.6789"), (0.1 + 0.2, "0.3"), (.nan, "null"), (.infinity, "null"), (59.99996, "60"),
        (0.0101, "0.0101"),
    ])
    func numbersAreTidy(value: Double, expected: String) {
        #expect(JSONWriter.number(value, decimals: 4) == expected)
    }

    @Test func optionValuesAreCanonical() throws {
        let value = OptionValue.map([
            "b": .list([.number(1), .number(0.5), .bool(true)]), "a": .string("x"), "é": .map([:]),
        ])
        #expect(value.json == #"{"a":"x","b":[1,0.5,true],"é":{}}"#)
        #expect(try JSONDecoder().decode(OptionValue.self, from: Data(value.json.utf8)) == value)
        #expect(try JSONDecoder().decode(OptionValue.self, from: JSONEncoder().encode(value)) == value)
    }

    @Test func reportsAreKeptInTheLedger() throws {
        for entry in Self.line.stages {
            #expect(
                try JSONDecoder().decode(StageReport.self, from: JSONEncoder().encode(entry.report)) == entry.report)
        }
    }
}
