import Foundation
import Testing

/// The search expert in a run of the real programs, on text that OCR reads in a picture.
@Suite struct SearchTests {
    let bench: Workbench

    init() throws {
        bench = try Workbench()
        let page = "\(Workbench.package)/Tests/Fixtures/ocr/page.png"
        try bench.write("in/page.png", try Data(contentsOf: URL(fileURLWithPath: page)))
        try bench.write(
            "notes/orders.md", "# Orders\n\nInvoice 4711 was paid in March.\n\nInvoice 4712 is open.\n".utf8)
        try bench.write("notes/other.txt", "Nothing that fits.".utf8)
    }

    private func run(_ source: String, more: [String] = []) throws -> [String: Any] {
        let pipeline = try bench.pipeline(
            """
            pipeline: t
            ask: Is it paid?
            stages:
              text: {expert: ocr}
              found: {expert: search, \(source), context: text, top: 1}
              last: {expert: rehearsal, question: "", context: [found]}
            answer: last
            """)
        let ended = try bench.lorgnette(pipeline, more)
        #expect(ended.status == 0, "\(ended.errors)")
        return try #require(try bench.results()["page.png"])
    }

    @Test func whatIsReadIsLookedUpInTheNotes() throws {
        let result = try run("notes: \(bench.path)/notes")
        #expect(result.answerText == "page.png | Orders: Invoice 4711 was paid in March.")
        let stage = try #require(result.stage("found"))
        let facts = try #require(stage["facts"] as? [String: String])
        #expect(facts["passage 1"] == "orders.md:3")
        #expect(facts["query"]?.contains("paid pack box five dozen liquor jugs") == true, "\(facts)")
        #expect((stage["model"] as? String)?.hasPrefix("sha256:") == true)
    }

    @Test func changedNotesGiveNoStaleAnswer() throws {
        _ = try run("notes: \(bench.path)/notes")
        try bench.write("notes/orders.md", "# Orders\n\nInvoice 4711 was never paid.\n".utf8)
        let changed = try run("notes: \(bench.path)/notes")
        #expect(changed.answerText == "page.png | Orders: Invoice 4711 was never paid.")
        #expect(changed.stage("text")?["cached"] as? Bool == true)
        #expect(changed.stage("found")?["cached"] as? Bool != true)
        // Back again, and nothing has to be looked up.
        try bench.write(
            "notes/orders.md", "# Orders\n\nInvoice 4711 was paid in March.\n\nInvoice 4712 is open.\n".utf8)
        let back = try run("notes: \(bench.path)/notes")
        #expect(back.answerText == "page.png | Orders: Invoice 4711 was paid in March.")
        #expect(back.stage("found")?["cached"] as? Bool == true)
    }

    @Test func earlierResultsAreLookedUp() throws {
        try bench.write("more/bill.pgm", "P5\n1 1\n255\n!".utf8)
        let earlier = try bench.pipeline(
            "pipeline: t\nstages:\n  a: {expert: rehearsal, say: The invoice 4711 hangs on the wall.}\nanswer: a\n")
        #expect(try bench.run(["run", earlier, "\(bench.path)/more", "--out", "\(bench.path)/before"]).status == 0)
        let result = try run("results: \(bench.path)/before/results.jsonl")
        #expect(result.answerText == "page.png | bill.pgm: The invoice 4711 hangs on the wall.")
        #expect((result.stage("found")?["facts"] as? [String: String])?["passage 1"] == "results.jsonl:1")
    }

    @Test func notesThatAreNotThereEndTheRunAtOnce() throws {
        let pipeline = try bench.pipeline(
            "pipeline: t\nask: x\nstages:\n  found: {expert: search, notes: \(bench.path)/nowhere}\nanswer: found\n")
        let ended = try bench.lorgnette(pipeline)
        #expect(ended.status == 3, "\(ended.errors)")
        #expect(ended.errors.contains("\(bench.path)/nowhere"), "\(ended.errors)")
    }
}
