import Testing

@testable import Pipelines

@Suite struct ConditionTests {
    private func line(_ text: String, _ box: [Int] = [0, 0, 1, 1]) -> TextLine {
        TextLine(text: text, box: box, confidence: 0.9)
    }

    /// A text that was read, a picture without any, a stage that failed and one that was not run.
    private var views: [String: Condition.View] {
        let text = StageOutcome(
            text: "Espresso 2.50\n\n Latte  3.20 \n", confidence: 0.8,
            lines: [line("Espresso 2.50", [0, 0, 50, 20]), line("Latte 3.20", [0, 10, 50, 20])],
            facts: ["script": "Latin", "dpi": "300", "note": "see below"],
            picture: PictureFacts(format: "png", width: 100, height: 50))
        return [
            "text": .init(status: .ok, outcome: text),
            "blank": .init(
                status: .ok, outcome: StageOutcome(text: "", picture: PictureFacts(format: "png", width: 9, height: 9))),
            "lines": .init(status: .ok, outcome: StageOutcome(lines: [line("A b"), line("c")])),
            "visual": .init(status: .ok, outcome: StageOutcome(facts: ["dtype": "f16"], hasTensors: true)),
            "broken": .init(status: .failed, outcome: nil),
            "left": .init(status: .skipped, outcome: nil),
        ]
    }

    private func holds(_ text: String) throws -> Bool { try Condition(text).holds { views[$0] } }

    @Test(arguments: [
        ("text.words == 4", true), ("text.words > 4", false), ("text.words >= 4", true), ("text.words < 5", true),
        ("text.words <= 3", false), ("text.words != 4", false), ("text.lines == 2", true), ("text.characters == 21", true),
        ("text.confidence == 0.8", true), ("text.confidence < 0.8", false), ("text.confidence > .79", true),
        ("text.coverage == 0.3", true), ("text.coverage < 0.5", true), ("lines.coverage >= 0", false),
        ("blank.words == 0", true), ("blank.text empty", true), ("blank.coverage == 0", true), ("blank.confidence >= 0", false),
        ("text.text empty", false), ("text.text contains LATTE", true), ("text.text contains \"o 2.50\"", true),
        ("text.text contains 'tea'", false), ("text.text == x", false), ("text.text != x", true),
        ("lines.words == 3", true), ("lines.text contains \"a B\nC\"", true),
        ("text.status == ok", true), ("broken.status == failed", true), ("left.status != skipped", false),
        ("text.facts.script == Latin", true), ("text.facts.script == latin", false), ("text.facts.script != Han", true),
        ("text.facts.dpi >= 300", true), ("text.facts.dpi == 300.0", true), ("text.facts.dpi contains 00", true),
        ("text.facts.note > 1", false), ("text.facts.note == 1", false), ("text.facts.note contains BELOW", true),
        ("visual.facts.dtype == f16", true),
    ])
    func testsWhatWasFound(text: String, expected: Bool) throws {
        #expect(try holds(text) == expected)
    }

    /// Whatever is tested, and whichever way: what is not there makes a test false.
    @Test(arguments: ["broken", "left", "nobody", "visual"]) func aTestOfWhatIsMissingIsFalse(stage: String) throws {
        for field in ["words", "lines", "characters", "confidence", "coverage"] {
            for comparison in ["<", "<=", ">", ">=", "==", "!="] {
                #expect(try !holds("\(stage).\(field) \(comparison) 0"), "\(field) \(comparison)")
                #expect(try holds("not \(stage).\(field) \(comparison) 0"))
            }
        }
        for test in ["text empty", "text contains a", "text == a", "text != a", "facts.x != a", "facts.x empty", "facts.x < 9"] {
            #expect(try !holds("\(stage).\(test)"), "\(test)")
        }
    }

    @Test func onlyAStageOfThePipelineHasAStatus() throws {
        #expect(try !holds("nobody.status == ok") && !holds("nobody.status != ok"))
        #expect(try holds("not nobody.status == ok"))
    }

    @Test func aNumberThatIsNoneIsMissing() throws {
        let view = Condition.View(status: .ok, outcome: StageOutcome(text: "x", confidence: .nan, facts: ["n": "nan"]))
        for test in ["confidence < 1", "confidence >= 0", "confidence != 0.5", "facts.n != 1"] {
            #expect(try !Condition("a.\(test)").holds { _ in view }, "\(test)")
        }
    }

    @Test(arguments: [
        ("text.words > 9 or text.words > 0 and text.lines > 0", true),
        ("text.words > 9 and text.words > 0 or text.lines > 0", true),
        ("(text.words > 0 or text.words > 9) and text.lines > 9", false),
        ("not text.words > 9 and text.words > 0", true), ("not (text.words > 9 or text.words > 0)", false),
        ("not not text.words > 0", true), ("((text.words>0))", true), ("text.words>0and blank.text empty", false),
    ])
    func orBindsLooserThanAnd(text: String, expected: Bool) throws {
        // The last one is no condition at all: a space belongs before "and".
        guard text != "text.words>0and blank.text empty" else {
            #expect(throws: ConditionFault.self) { try Condition(text) }
            return
        }
        #expect(try holds(text) == expected)
    }

    @Test(arguments: [
        ("text.words>00.50", "text.words > 0.5"), ("text.words > 3.0", "text.words > 3"),
        ("a.text  contains 'x \"y\"'  or (b.lines<1)", "a.text contains 'x \"y\"' or b.lines < 1"),
        ("(a.text empty or b.text empty) and not (a.status == ok)", "(a.text empty or b.text empty) and not a.status == ok"),
        ("a.facts.n == '300' or a.text == 'and'", "a.facts.n == \"300\" or a.text == \"and\""),
        ("not (a.words > 1 and b.words > 1)", "not (a.words > 1 and b.words > 1)"),
    ])
    func isWrittenInOneForm(text: String, expected: String) throws {
        #expect(try Condition(text).description == expected)
        #expect(try Condition(expected).description == expected)
    }

    @Test func namesItsStagesOnce() throws {
        #expect(try Condition("b.words > 1 and (a.words > 1 or not b.text empty)").stages == ["b", "a"])
    }

    @Test(arguments: [
        ("", "character 1: expected a stage's field such as text.words, found the end"),
        ("text", "character 1: expected a stage's field such as text.words, found \"text\""),
        (".words > 1", "character 1: expected a stage's field such as text.words, found \".words\""),
        ("0 < text.words", "character 1: expected a stage's field such as text.words, found \"0\""),
        ("text.wrods > 0", "character 6: expected a field, found \"wrods\"; did you mean \"words\"?"),
        (
            "text.colour > 0",
            "character 6: expected a field, found \"colour\"; fields: words, lines, characters, confidence, coverage, text, status, facts.NAME"
        ),
        (
            "text.facts. > 0",
            "character 6: expected a field, found \"facts.\"; fields: words, lines, characters, confidence, coverage, text, status, facts.NAME"
        ),
        ("text.words", "character 11: expected one of < <= > >= == != after text.words, found the end"),
        ("text.words = 1", "character 12: expected one of < <= > >= == != after text.words, found \"=\"; did you mean \"==\"?"),
        ("text.words => 1", "character 12: expected one of < <= > >= == != after text.words, found \"=>\"; did you mean \">=\"?"),
        ("text.words empty", "character 12: expected one of < <= > >= == != after text.words, found \"empty\""),
        ("text.words > -1", "character 14: expected a number of at least 0, found \"-1\""),
        ("text.words > many", "character 14: expected a number of at least 0, found \"many\""),
        ("text.words > '1'", "character 14: expected a number of at least 0, found \"1\""),
        ("text.confidence > 80", "character 19: expected a number from 0 to 1, found \"80\""),
        ("text.text > 1", "character 11: expected one of == != contains or empty after text.text, found \">\""),
        ("text.text ==", "character 13: expected a word, or a text between quotes, found the end"),
        ("text.text == and", "character 14: expected a word, or a text between quotes, found \"and\""),
        ("text.text contains \"a", "character 20: expected \" at the end of a text, found none"),
        ("text.status == fine", "character 16: expected one of ok, failed, skipped, found \"fine\""),
        ("text.status == faild", "character 16: expected one of ok, failed, skipped, found \"faild\"; did you mean \"failed\"?"),
        ("text.status > ok", "character 13: expected one of == != after text.status, found \">\""),
        ("text.facts.n < x", "character 16: expected a number, found \"x\""),
        (
            "text.words > 0 && a.words > 0",
            "character 16: expected \"and\", \"or\" or the end, found \"&&\"; did you mean \"and\"?"
        ),
        ("text.words > 0 text.lines > 0", "character 16: expected \"and\", \"or\" or the end, found \"text.lines\""),
        ("(text.words > 0", "character 16: expected \"and\", \"or\" or \")\", found the end"),
        ("text.words > 0)", "character 15: expected \"and\", \"or\" or the end, found \")\""),
        ("text.words > 0 or", "character 18: expected a stage's field such as text.words, found the end"),
        ("not", "character 4: expected a stage's field such as text.words, found the end"),
    ])
    func tellsWhatIsWrongAndWhere(text: String, expected: String) {
        let fault = #expect(throws: ConditionFault.self) { try Condition(text) }
        #expect(fault?.description == expected)
    }

    @Test func depthAndLengthAreLimited() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "(", count: depth) + "a.words > 0" + String(repeating: ")", count: depth)
        }
        _ = try Condition(nested(15))
        #expect(throws: ConditionFault.self) { try Condition(nested(16)) }
        #expect(throws: ConditionFault.self) { try Condition(String(repeating: "not ", count: 16) + "a.words > 0") }
        let long = Array(repeating: "a.words > 0", count: 66).joined(separator: " or ")
        _ = try Condition(long)
        let fault = #expect(throws: ConditionFault.self) { try Condition(long + " or a.words > 0") }
        #expect(fault?.message == "expected at most 1000 characters, found 1001")
    }

    @Test func coverageCountsEachPlaceOnce() {
        #expect(Coverage.share(of: [], width: 10, height: 10) == 0)
        #expect(Coverage.share(of: [[0, 0, 10, 10]], width: 0, height: 10) == nil)
        #expect(Coverage.share(of: [[0, 0, 5, 10], [0, 0, 5, 10]], width: 10, height: 10) == 0.5)
        #expect(Coverage.share(of: [[0, 0, 6, 6], [3, 3, 6, 6]], width: 10, height: 10) == 0.63)
        // What is outside, empty or no box at all does not count.
        let odd = [[-5, -5, 10, 10], [8, 8, 100, 100], [2, 2, -1, 5], [1], [Int.max, 0, Int.max, 1]]
        #expect(Coverage.share(of: odd, width: 10, height: 10) == 0.29)
    }

    /// Against counting every pixel.
    @Test(arguments: 1...20) func coverageIsThatOfThePixels(seed: Int) {
        var state = UInt64(seed)
        func next(_ end: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % end
        }
        let boxes = (0..<next(30)).map { _ in [next(24) - 2, next(18) - 2, next(12), next(9)] }
        var pixels: Set<Int> = []
        for box in boxes {
            for x in box[0]..<(box[0] + box[2]) where (0..<20).contains(x) {
                for y in box[1]..<(box[1] + box[3]) where (0..<15).contains(y) { pixels.insert(y * 20 + x) }
            }
        }
        #expect(Coverage.share(of: boxes, width: 20, height: 15) == Double(pixels.count) / 300)
    }
}
