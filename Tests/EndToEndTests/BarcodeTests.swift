import Foundation
import Testing

/// The barcode expert in a run of the real programs.
@Suite struct BarcodeTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private func bring(_ name: String) throws {
        let fixture = "\(Workbench.package)/Tests/Fixtures/barcode/qr.png"
        try bench.write("in/\(name)", try Data(contentsOf: URL(fileURLWithPath: fixture)))
    }

    @Test func codesAreReadAndSaidWithTheirPlaces() throws {
        try bring("sub/qr.png")
        try bench.write("in/blank.pgm", Array("P5\n64 64\n255\n".utf8) + [UInt8](repeating: 255, count: 64 * 64))
        let ended = try bench.lorgnette("pipelines/barcode.yaml")
        #expect(ended.status == 0, "\(ended.errors)")
        let results = try bench.results()
        let read = try #require(results["sub/qr.png"])
        #expect(read.answerText == "lorgnette.example")
        #expect(read.stage("codes")?["facts"] as? [String: String] == ["code 1": "qr"])
        #expect((read["picture"] as? [String: Any])?["width"] as? Int == 290)
        #expect(results["blank.pgm"]?.answerText == "")
    }

    @Test func oneLineOfAPipelineAddsItAndAnotherStageHearsIt() throws {
        try bring("qr.png")
        let stages = "pipeline: t\nstages:\n"
        let last = "  last: {expert: rehearsal, say: hello}\nanswer: last\n"
        #expect(try bench.lorgnette(bench.pipeline(stages + last)).status == 0)
        let with =
            stages + "  codes: {expert: barcode, kinds: [qr]}\n"
            + last.replacing("say: hello", with: "context: [codes]")
        let ended = try bench.lorgnette(bench.pipeline(with))
        #expect(ended.status == 0, "\(ended.errors)")
        let result = try #require(try bench.results()["qr.png"])
        #expect(result.answerText == "qr.png | lorgnette.example")
        let line = try #require((result.stage("codes")?["lines"] as? [[String: Any]])?.first)
        #expect(line["text"] as? String == "lorgnette.example")
        let box = try #require(line["box"] as? [Int])
        #expect(
            box.count == 4 && box[0] >= 30 && box[1] >= 30 && box[0] + box[2] <= 260 && box[1] + box[3] <= 260, "\(box)"
        )
        let wrong = try bench.lorgnette(bench.pipeline(with.replacing("[qr]", with: "[qx]")))
        #expect(wrong.status == 2)
        #expect(wrong.errors.contains("pipeline.yaml:3:"), "\(wrong.errors)")
    }
}
