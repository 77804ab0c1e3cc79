import CLeptonica
import ExpertKit
import Glibc
import Pictures
import Wire

/// Reads the text in a picture, line by line, with Tesseract 5.
final class OCRExpert: Expert {
    static let description = ExpertDescription(
        service: "ocr", software: "lorgnette-ocr 0.1.0 (tesseract \(Tesseract.version))",
        about: "Reads the text in a picture: lines and words with their places, or none.",
        inputs: [.picture()], outputs: [.text("text")],
        options: [
            .strings("languages", default: ["eng"], "Tesseract languages, the most likely first: eng, chi_sim."),
            .string(
                "layout", default: "auto", choices: TextReader.Layout.allCases.map(\.rawValue),
                "What the text is: a page, sparse words, one line."),
            .number("min_confidence", default: 0.4, in: 0...1, "Words under it are left out."),
            .number("max_megapixels", default: 12, in: 0.1...100, "Larger pictures are reduced for reading."),
        ])

    static let confinement = Confinement.decoder

    private let reader: TextReader

    init(options: ExpertOptions) throws {
        setMsgSeverity(Int32(L_SEVERITY_NONE))
        var settings = TextReader.Settings()
        settings.languages = try options.strings("languages")
        settings.layout = TextReader.Layout(rawValue: try options.string("layout")) ?? .auto
        settings.minimumConfidence = Float(try options.double("min_confidence"))
        settings.megapixels = try options.double("max_megapixels")
        guard !settings.languages.isEmpty, settings.languages.allSatisfy(Tessdata.isName) else {
            throw ExpertFailure.badOption(
                "option \"languages\": expected names such as eng or chi_sim, found \(settings.languages)")
        }
        do {
            reader = try TextReader(settings)
        } catch let missing as Tessdata.Missing {
            throw ExpertFailure.missingModel(
                "option \"languages\": \(missing.file) is in none of \(missing.searched.joined(separator: ", ")); install \(missing.package)"
            )
        } catch {
            throw ExpertFailure.wrongModel("languages \(settings.languages.joined(separator: "+")): \(error)")
        }
    }

    func answer(_ task: ExpertTask) throws -> ExpertAnswer {
        let picture = try decoded(task)
        let read = try reader.read(picture) { task.isCancelled }
        try task.checkCancelled()
        var answer = ExpertAnswer(text: read.text)
        if !read.lines.isEmpty { answer.confidence = read.confidence }
        answer.lines = read.lines.map { line in
            .with {
                $0.text = line.text
                $0.box = line.box.of(picture.facts)
                $0.confidence = line.confidence
                $0.words = line.words.map { word in
                    .with {
                        $0.text = word.text
                        $0.box = word.box.of(picture.facts)
                        $0.confidence = word.confidence
                    }
                }
            }
        }
        let facts = picture.facts
        answer.picture = .init(
            format: facts.format.rawValue, width: facts.width, height: facts.height, orientation: facts.orientation,
            pages: facts.pages)
        return answer
    }

    private func decoded(_ task: ExpertTask) throws(ExpertFailure) -> Picture {
        let bytes = try task.pictureBytes()
        do {
            return try Picture.load(bytes: bytes, name: task.item)
        } catch {
            throw .picture(error.code, error.description)
        }
    }
}

extension TextBox {
    /// In pixels of the file, which may have been reduced for reading.
    fileprivate func of(_ file: PictureFacts) -> [Int32] {
        let step = file.reduction
        let box = TextBox(x: x * step, y: y * step, width: width * step, height: height * step)
            .clamped(width: file.width, height: file.height)
        return [Int32(box.x), Int32(box.y), Int32(box.width), Int32(box.height)]
    }
}
