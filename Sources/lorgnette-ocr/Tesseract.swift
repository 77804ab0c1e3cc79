import CLeptonica
import CTesseract

/// One Tesseract engine with its languages loaded. Not for two threads at once.
final class Tesseract {
    enum Fault: Error, Equatable {
        case cannotLoad(languages: String, folder: String)
        case cannotRead
        /// The caller wanted to stop, or the time was up.
        case stopped
    }

    /// Tesseract's page segmentation modes that we use.
    enum Segmentation: UInt32 {
        case page = 3
        case block = 6
        case line = 7
        case sparse = 11
    }

    private let handle: OpaquePointer

    static var version: String { TessVersion().map { String(cString: $0) } ?? "?" }

    /// - Parameters:
    ///   - folder: has `LANGUAGE.traineddata`; that it does is checked by the caller, because the library says little
    ///   - languages: the first is tried first
    init(folder: String, languages: [String]) throws(Fault) {
        guard let handle = TessBaseAPICreate() else { throw .cannotLoad(languages: "", folder: folder) }
        let names = languages.joined(separator: "+")
        guard TessBaseAPIInit2(handle, folder, names, OEM_LSTM_ONLY) == 0 else {
            TessBaseAPIDelete(handle)
            throw .cannotLoad(languages: names, folder: folder)
        }
        _ = TessBaseAPISetVariable(handle, "debug_file", "/dev/null")
        self.handle = handle
    }

    deinit {
        TessBaseAPIEnd(handle)
        TessBaseAPIDelete(handle)
    }

    /// Reads `page`. Boxes are of the upright picture.
    /// - Parameters:
    ///   - milliseconds: after which reading ends with `.stopped`; 0: none
    ///   - stop: asked now and then while reading
    func read(
        _ page: PageImage, segmentation: Segmentation, milliseconds: Int32 = 0, stop: @escaping () -> Bool = { false }
    ) throws(Fault) -> ReadText {
        defer { TessBaseAPIClear(handle) }
        TessBaseAPISetPageSegMode(handle, TessPageSegMode(segmentation.rawValue))
        TessBaseAPISetImage2(handle, page.pix)
        TessBaseAPISetSourceResolution(handle, 300)
        guard let monitor = TessMonitorCreate() else { throw .cannotRead }
        defer { TessMonitorDelete(monitor) }
        let context = StopContext(stop)
        TessMonitorSetCancelThis(monitor, Unmanaged.passUnretained(context).toOpaque())
        TessMonitorSetCancelFunc(monitor) { context, _ in
            guard let context else { return false }
            return Unmanaged<StopContext>.fromOpaque(context).takeUnretainedValue().ask()
        }
        if milliseconds > 0 { TessMonitorSetDeadlineMSecs(monitor, milliseconds) }
        let status = withExtendedLifetime(context) { TessBaseAPIRecognize(handle, monitor) }
        if context.stopped { throw .stopped }
        guard status == 0 else { throw .cannotRead }
        guard let iterator = TessBaseAPIGetIterator(handle) else { return ReadText(lines: []) }
        defer { TessResultIteratorDelete(iterator) }
        return ReadText(lines: lines(iterator, page))
    }

    private func lines(_ iterator: OpaquePointer, _ page: PageImage) -> [TextLine] {
        let position = TessResultIteratorGetPageIteratorConst(iterator)
        var lines: [TextLine] = []
        repeat {
            if TessPageIteratorIsAtBeginningOf(position, RIL_TEXTLINE) != 0 { lines.append(TextLine(words: [])) }
            guard let utf8 = TessResultIteratorGetUTF8Text(iterator, RIL_WORD) else { continue }
            defer { TessDeleteText(utf8) }
            let text = Self.trimmed(String(cString: utf8))
            var (left, top, right, bottom) = (Int32(0), Int32(0), Int32(0), Int32(0))
            guard !text.isEmpty, !lines.isEmpty,
                TessPageIteratorBoundingBox(position, RIL_WORD, &left, &top, &right, &bottom) != 0
            else { continue }
            let box = page.upright(left: Int(left), top: Int(top), right: Int(right), bottom: Int(bottom))
            let confidence = TessResultIteratorConfidence(iterator, RIL_WORD) / 100
            lines[lines.count - 1].words.append(
                TextWord(text: text, box: box, confidence: confidence.isFinite ? min(max(confidence, 0), 1) : 0))
        } while TessResultIteratorNext(iterator, RIL_WORD) != 0
        return lines.filter { !$0.words.isEmpty }
    }

    private static func trimmed(_ text: String) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }

    /// What the library's callback gets; `stopped` tells afterwards whether it said stop.
    private final class StopContext {
        private let stop: () -> Bool
        private(set) var stopped = false

        init(_ stop: @escaping () -> Bool) { self.stop = stop }

        func ask() -> Bool {
            if stop() { stopped = true }
            return stopped
        }
    }
}
