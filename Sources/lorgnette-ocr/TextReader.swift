import Pictures

/// Reads the text of upright pictures: prepares them for Tesseract, chooses how to segment them, and tells text from
/// textures that look like it.
final class TextReader {
    enum Layout: String, CaseIterable, Sendable {
        /// A page first; where that finds little, scattered text.
        case auto
        /// Columns and paragraphs.
        case page
        /// Scattered words: signs, screens, labels.
        case sparse
        /// The picture is one line.
        case line
    }

    struct Settings: Sendable {
        var languages = ["eng"]
        var layout = Layout.auto
        /// Words under it are left out, 0…1.
        var minimumConfidence: Float = 0.4
        /// Larger pictures are reduced for reading.
        var megapixels = 12.0
        /// Pictures after which the engine is made anew, so that what the library keeps does not add up.
        var recycleAfter = 200
    }

    /// Smaller sides hold no letter; the library is not asked.
    private static let smallestSide = 6
    /// A side this many times the other is a rule or a gradient, not a picture of text.
    private static let largestAspect = 100

    let settings: Settings
    private let folder: String
    private var engine: Tesseract?
    private var pictures = 0

    /// - Throws: `Tessdata.Missing`, `Tesseract.Fault`
    init(_ settings: Settings) throws {
        self.settings = settings
        folder = try Tessdata.folder(for: settings.languages)
        engine = try Tesseract(folder: folder, languages: settings.languages)
    }

    /// The files of the loaded languages.
    var files: [String] { settings.languages.map { "\(folder)/\($0).traineddata" } }

    /// What is written in `picture`; boxes are inside it. No lines where there is no text.
    /// - Parameters:
    ///   - milliseconds: for each pass over the picture; 0: no limit
    ///   - stop: asked now and then
    /// - Throws: `Tesseract.Fault`
    func read(_ picture: Picture, milliseconds: Int32 = 0, stop: @escaping () -> Bool = { false }) throws -> ReadText {
        let (width, height) = (picture.width, picture.height)
        guard min(width, height) >= Self.smallestSide,
            max(width, height) <= Self.largestAspect * min(width, height),
            let preparation = PagePreparation(picture, megapixels: settings.megapixels)
        else { return ReadText(lines: []) }
        let engine = try currentEngine()
        func pass(_ segmentation: Tesseract.Segmentation, levelled: Bool) throws -> ReadText {
            guard let page = preparation.page(levelled: levelled, straightened: levelled && segmentation == .page)
            else { return ReadText(lines: []) }
            let read = try engine.read(page, segmentation: segmentation, milliseconds: milliseconds, stop: stop)
            return read.clamped(width: width, height: height).gated(minimum: settings.minimumConfidence)
        }
        let first: Tesseract.Segmentation =
            switch settings.layout {
            case .auto, .page: .page
            case .sparse: .sparse
            case .line: .line
            }
        var best = try pass(first, levelled: true)
        if best.isPlenty { return best }
        if settings.layout == .auto { best = Self.better(best, try pass(.sparse, levelled: true)) }
        if best.isPlenty { return best }
        // Levelling spoils some pictures: text on photographs, thin strokes on dark ground.
        return Self.better(best, try pass(settings.layout == .auto ? .sparse : first, levelled: false))
    }

    private static func better(_ first: ReadText, _ second: ReadText) -> ReadText {
        // An earlier pass keeps order and lines better, so a later one must have clearly more.
        second.evidence > 1.15 * first.evidence ? second : first
    }

    private func currentEngine() throws -> Tesseract {
        if pictures >= settings.recycleAfter {
            engine = nil  // before the new one is loaded: two would be in memory
            pictures = 0
        }
        pictures += 1
        if let engine { return engine }
        let fresh = try Tesseract(folder: folder, languages: settings.languages)
        engine = fresh
        return fresh
    }
}

extension ReadText {
    /// Enough, and read so surely, that another pass is not worth its time.
    var isPlenty: Bool { evidence >= 30 && confidence >= 0.85 }

    func clamped(width: Int, height: Int) -> ReadText {
        ReadText(
            lines: lines.map { line in
                TextLine(
                    words: line.words.map {
                        TextWord(text: $0.text, box: $0.box.clamped(width: width, height: height), confidence: $0.confidence)
                    })
            })
    }
}
