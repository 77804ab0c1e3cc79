import Foundation
import Testing

/// The OCR expert on pictures of text that are part of the repository.
@Suite struct OCRTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private static let fixtures = "\(Workbench.package)/Tests/Fixtures/ocr"
    private static let words = "Pack my box with five dozen liquor jugs on Tuesday. Invoice 4711: total 128.50 EUR"

    private func read(_ options: String = "") throws -> [String: [String: Any]] {
        let pipeline = try bench.pipeline(
            "pipeline: t\nstages:\n  text: {expert: ocr\(options)}\n  last: {expert: rehearsal, context: [text]}\nanswer: last\n")
        let ended = try bench.lorgnette(pipeline)
        #expect(ended.status == 0, "\(ended.errors)")
        return try bench.results()
    }

    private func bring(_ names: [String]) throws {
        for name in names {
            try bench.write("in/\(name)", try Data(contentsOf: URL(fileURLWithPath: "\(Self.fixtures)/\(name)")))
        }
    }

    @Test func textIsReadInLinesWithPlacesInsideThePicture() throws {
        try bring(["page.png", "dark.png", "skewed.png", "small.png"])
        let results = try read()
        #expect(results.count == 4)
        for (name, result) in results {
            let stage = try #require(result.stage("text"))
            #expect((stage["text"] as? String)?.replacing("\n", with: " ") == Self.words, "\(name)")
            #expect(stage["confidence"] as? Double ?? 0 > 0.8, "\(name)")
            let size = try #require(result["picture"] as? [String: Any])
            let (width, height) = try (#require(size["width"] as? Int), #require(size["height"] as? Int))
            let lines = try #require(stage["lines"] as? [[String: Any]])
            #expect(lines.count == 3, "\(name)")
            var bottom = -1
            for line in lines {
                let box = try #require(line["box"] as? [Int])
                #expect(box.count == 4 && box[0] >= 0 && box[1] >= 0, "\(name)")
                #expect(box[0] + box[2] <= width && box[1] + box[3] <= height, "\(name)")
                #expect(box[1] > bottom, "\(name): lines from top to bottom")
                bottom = box[1]
            }
        }
    }

    @Test func chineseIsReadWithoutSpacesWhenAskedFor() throws {
        try bring(["chinese.png"])
        let stage = try read(", languages: [chi_sim, eng]")["chinese.png"]?.stage("text")
        #expect(stage?["text"] as? String == "今天天气很好\n我们去公园散步")
    }

    @Test func aPictureWithoutTextHasNone() throws {
        try bench.picture("noise.pgm", seed: 5, size: 200)
        try bench.picture("dot.pgm", seed: 5, size: 1)
        for result in try read().values {
            #expect(result.stage("text")?["text"] as? String == "")
            #expect(result.stage("text")?["lines"] == nil || (result.stage("text")?["lines"] as? [Any])?.isEmpty == true)
        }
    }

    @Test func aMissingLanguageIsNamedWithItsPackage() throws {
        try bring(["page.png"])
        let pipeline = try bench.pipeline("pipeline: t\nstages:\n  text: {expert: ocr, languages: [eng, xyz]}\nanswer: text\n")
        let ended = try bench.lorgnette(pipeline)
        #expect(ended.status == 3, "\(ended.errors)")
        #expect(ended.errors.contains("xyz.traineddata") && ended.errors.contains("tesseract-ocr-xyz"), "\(ended.errors)")
    }
}
