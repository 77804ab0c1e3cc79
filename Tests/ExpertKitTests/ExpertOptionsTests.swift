import Testing
import Wire

@testable import ExpertKit

@Suite struct ExpertOptionsTests {
    static let description = ExpertDescription(
        service: "test", software: "test 1", about: "Tests.", inputs: [], outputs: [],
        options: [
            .string("mode", default: "fast", choices: ["fast", "good"], ""), .integer("count", default: 4, in: 1...10, ""),
            .number("heat", default: 0.5, in: 0...2, ""), .bool("loud", default: false, ""),
            .strings("languages", default: ["eng"], ""), .map("budget", default: ["text": 256], in: 0...4096, ""),
            .string("file", ""),
            .integer("seed", ""),
        ])

    private func options(_ given: [String: WireValue]) throws -> ExpertOptions { try ExpertOptions(given, for: Self.description) }

    @Test func defaultsStandBehindWhatIsGiven() throws {
        let none = try options([:])
        #expect(try none.string("mode") == "fast")
        #expect(try none.int("count") == 4)
        #expect(try none.double("heat") == 0.5)
        #expect(try none.bool("loud") == false)
        #expect(try none.strings("languages") == ["eng"])
        #expect(try none.map("budget") == ["text": 256])
        #expect(none["file"] == nil && !none.isGiven("mode"))
        let given = try options([
            "mode": .string("good"), "count": .number(10), "languages": .list([]), "budget": .map([:]), "loud": .null,
        ])
        #expect(
            try given.string("mode") == "good" && given.int("count") == 10 && given.strings("languages") == []
                && given.map("budget") == [:])
        #expect(try given.bool("loud") == false)
        #expect(given.isGiven("mode"))
    }

    @Test(
        arguments: [
            ["mode": .string("slow")], ["mode": .number(1)], ["count": .number(0)], ["count": .number(11)],
            ["count": .number(1.5)],
            ["count": .string("4")], ["heat": .number(.nan)], ["heat": .number(.infinity)], ["loud": .string("yes")],
            ["languages": .string("eng")], ["languages": .list([.number(1)])], ["budget": .map(["text": .number(-1)])],
            ["budget": .map(["text": .string("x")])], ["unknown": .bool(true)], ["seed": .number(1e300)],
        ] as [[String: WireValue]])
    func faultsAreBadOptions(_ given: [String: WireValue]) {
        let failure = #expect(throws: ExpertFailure.self) { try options(given) }
        #expect(failure?.code == .badOption)
        #expect(failure?.message.contains("\"\(given.first!.key)\"") == true)
    }

    @Test func allFaultsAtOnce() {
        let failure = #expect(throws: ExpertFailure.self) {
            try options(["mode": .bool(true), "count": .number(99), "nope": .number(1)])
        }
        #expect(
            failure?.message == """
                option "count": expected 1 to 10, found 99; option "mode": expected a string, found true or false: true; \
                option "nope": test has none of this name; it has budget, count, file, heat, languages, loud, mode, seed
                """)
    }

    @Test func askingForWhatIsNotThere() throws {
        let none = try options([:])
        #expect(throws: ExpertFailure.badOption("option \"file\": expected a value, found none and no default")) {
            try none.string("file")
        }
        #expect(throws: ExpertFailure.self) { try none.int("mode") }
        #expect(throws: ExpertFailure.self) { try none.int("undeclared") }
    }

    @Test func helpNamesEverything() {
        let usage = Self.description.usage
        for option in Self.description.options { #expect(usage.contains(option.name)) }
        #expect(usage.contains("fast | good") && usage.contains("from 1, to 10"))
    }
}
