import ExpertKit
import Foundation
import Testing
import Wire

@testable import lorgnette_search

/// Real notes in a real index, without a socket.
@Suite struct SearchExpertTests {
    let desk: Desk

    init() throws {
        desk = try Desk()
        try desk.note(
            "workshop/parts.md",
            """
            # Parts

            Everything here is in the grey cabinet.

            ## Pumps

            The pump KX-4711 needs a new seal every two years.
            Its seals are in drawer nine.

            ## Lamps
            Lamp 88 takes a halogen bulb.
            """)
        try desk.note("soup.txt", "Onion soup: slice the onions thinly.\n\nTomato soup: roast the tomatoes first.")
        try desk.note("ignored.html", "pump pump pump")
        try desk.note(".hidden.md", "pump pump pump")
    }

    private func stage(_ options: [String: WireValue] = [:]) throws -> Rehearsal<SearchExpert> {
        try Rehearsal(SearchExpert.self, options: ["notes": .string(desk.notes)].merging(options) { $1 })
    }

    private func find(_ question: String, context: [String] = [], _ options: [String: WireValue] = [:]) throws
        -> ExpertAnswer
    {
        let inputs = context.map {
            Rehearsal<SearchExpert>.Input(port: "context", stage: "text", ExpertAnswer(text: $0))
        }
        return try stage(options).answer(question: question, inputs: inputs)
    }

    @Test func theWordsOfAnotherStageFindTheirPassage() throws {
        let answer = try find("What is this?", context: ["Made in 1998\nModel KX-4711"])
        #expect(
            answer.text
                == "Pumps: The pump KX-4711 needs a new seal every two years. Its seals are in drawer nine.")
        #expect(answer.facts["passage 1"] == "workshop/parts.md:7")
        #expect(answer.facts["query"] == "made 1998 model kx 4711")
    }

    @Test func theQuestionFindsPassagesAndTheBestComesFirst() throws {
        let answer = try find("How long do I roast tomatoes for a soup?")
        #expect(answer.text == "Tomato soup: roast the tomatoes first.\nOnion soup: slice the onions thinly.")
        #expect(answer.facts["passage 1"] == "soup.txt:3")
        #expect(answer.facts["passage 2"] == "soup.txt:1")
        #expect(try find("roast tomatoes soup", ["top": .number(1)]).text == "Tomato soup: roast the tomatoes first.")
    }

    @Test func aHeadingIsSearchedToo() throws {
        #expect(try find("lamps").text == "Lamps: Lamp 88 takes a halogen bulb.")
    }

    @Test func nothingIsFoundWhereNothingFits() throws {
        for question in ["zeppelin", "What is this?", "", "?!"] {
            let answer = try find(question)
            #expect(answer.text == "")
            #expect(answer.facts["passage 1"] == nil)
        }
    }

    @Test(arguments: [
        "\" OR 1 --", "pump\" NEAR \"seal", "heading : pump", "(pump", "pump*", "^pump", "NOT AND OR NEAR()",
        "pump'; DROP TABLE passage",
        "-pump +seal", "\u{0}pump\u{202E}", "{heading words}: pump",
    ])
    func noTextIsTakenForTheEnginesLanguage(text: String) throws {
        let answer = try find("", context: [text])
        if text.contains("pump") { #expect(answer.text?.contains("KX-4711") == true) }
        #expect(try find("lamps").text == "Lamps: Lamp 88 takes a halogen bulb.")
    }

    @Test func scriptsWithoutSpacesAreSearchedByPairs() throws {
        try desk.note("公园.md", "# 天气\n今天天气很好，我们去公园散步。\n\n图书馆在车站旁边。")
        let answer = try find("车站在哪里", ["top": .number(1)])
        #expect(answer.text == "天气: 图书馆在车站旁边。")
        #expect(answer.facts["passage 1"] == "公园.md:4")
    }

    @Test func theModelSaysWhatTheNotesAre() throws {
        let before = try #require(stage().expert.models.first)
        #expect(before.role == "notes")
        #expect(before.name == "notes")
        #expect(before.fingerprint.wholeMatch(of: /sha256:[0-9a-f]{64}/) != nil)
        #expect(try stage().expert.models == [before])
        try desk.note("soup.txt", "Onion soup: slice the onions thickly.")
        let after = try #require(stage().expert.models.first)
        #expect(after.fingerprint != before.fingerprint)
        try desk.note("ignored.html", "other")
        #expect(try stage().expert.models == [after])
        try FileManager.default.moveItem(atPath: "\(desk.notes)/soup.txt", toPath: "\(desk.notes)/stew.txt")
        #expect(try stage().expert.models != [after])
    }

    @Test func whatIsNoNoteIsLeftOutAndSaid() throws {
        let secret = try desk.write("outside.md", "zeppelin".utf8)
        try FileManager.default.createSymbolicLink(atPath: "\(desk.notes)/link.md", withDestinationPath: secret)
        try FileManager.default.createSymbolicLink(atPath: "\(desk.notes)/folder", withDestinationPath: desk.path)
        try desk.write("notes/binary.txt", [0x7A, 0, 0x7A])
        try desk.write("notes/large.txt", [UInt8](repeating: 0x7A, count: NotesFolder.mostBytesOfFile + 1))
        let answer = try find("zeppelin lamps")
        #expect(answer.text == "Lamps: Lamp 88 takes a halogen bulb.")
        #expect(answer.facts["left out"] == "3 of the notes, such as binary.txt: not text")
    }

    @Test func bytesThatAreNoTextAreRepaired() throws {
        try desk.write("notes/latin.txt", Array("zeppelin caf".utf8) + [0xE9, 0x20, 0x1B] + Array("[31m red".utf8))
        #expect(try find("zeppelin").text == "zeppelin caf\u{FFFD} [31m red")
    }

    @Test func aLongParagraphIsBrokenAtSentences() throws {
        let sentence = "This sentence about zeppelins is one of many that stand in a single paragraph. "
        try desk.note("long.txt", String(repeating: sentence, count: 100))
        let answer = try find("zeppelins", ["top": .number(20)])
        for line in try #require(answer.text).split(separator: "\n") {
            #expect(line.count <= Passage.longest)
            #expect(line.hasPrefix("This sentence") && line.hasSuffix("paragraph."), "\(line)")
        }
    }

    @Test func earlierResultsAreSearchedButNotThoseOfTheSamePicture() throws {
        let sha = String(repeating: "ab", count: 32)
        let lines = [
            #"{"schema":"lorgnette.result/1","item":"a/pier.jpg","sha256":"\#(sha)","status":"ok","picture":null,"stages":{"caption":{"expert":"captioner","status":"ok","text":"A dog runs along a pier."}},"answer":{"text":"A dog on a pier."},"error":null}"#,
            "this is no result",
            #"{"schema":"lorgnette.result/1","item":"b/pier.jpg","sha256":null,"status":"ok","picture":null,"stages":{},"answer":{"text":"A pier in the fog."},"error":null}"#,
            #"{"schema":"lorgnette.result/1","item":"c.txt","sha256":null,"status":"skipped","picture":null,"stages":{},"answer":null,"error":{"stage":null,"code":"x","message":"y"}}"#,
        ]
        let file = try desk.write("out/results.jsonl", lines.joined(separator: "\n").utf8)
        let stage = try Rehearsal(SearchExpert.self, options: ["results": .string(file)])
        let all = try stage.answer(question: "dog pier")
        #expect(all.text?.contains("a/pier.jpg: A dog on a pier.") == true)
        #expect(all.text?.contains("b/pier.jpg: A pier in the fog.") == true)
        #expect(all.facts["passage 1"] == "results.jsonl:1")
        #expect(all.facts["left out"] == "results.jsonl:2: not a line of results")
        let same = PictureSource(place: .path("/nowhere"), sha256: [UInt8](repeating: 0xAB, count: 32))
        let others = try stage.answer(question: "dog pier", picture: same)
        #expect(others.text == "b/pier.jpg: A pier in the fog.")
        #expect(others.facts["passage 1"] == "results.jsonl:3")
        #expect(stage.expert.models.map(\.role) == ["results"])
    }

    @Test func whatIsMissingIsNamed() throws {
        func failure(_ options: [String: WireValue]) -> ExpertFailure? {
            do { _ = try Rehearsal(SearchExpert.self, options: options) } catch { return error as? ExpertFailure }
            return nil
        }
        let nowhere = "\(desk.path)/nowhere"
        #expect(failure(["notes": .string(nowhere)])?.code == .missingModel)
        #expect(failure(["notes": .string(nowhere)])?.message.contains(nowhere) == true)
        #expect(failure(["results": .string(nowhere)])?.code == .missingModel)
        #expect(failure(["results": .string(desk.notes)])?.message.contains("no plain file") == true)
        #expect(failure([:])?.code == .badOption)
        #expect(failure(["notes": .string(desk.notes), "top": .number(0)])?.code == .badOption)
    }
}
