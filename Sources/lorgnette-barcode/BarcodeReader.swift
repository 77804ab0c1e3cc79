import CZBar
import ExpertKit

/// Finds codes with zbar: in the picture as it is, and, while none is found, enlarged, inverted and turned.
final class BarcodeReader {
    struct Code: Equatable {
        let kind: BarcodeKind
        let text: String
        /// x, y, width, height in pixels of the upright picture, inside it.
        let box: [Int]
    }

    /// How long to look.
    enum Effort: String, CaseIterable { case quick, thorough }

    /// A picture has no more codes than this; a made-up one may.
    static let mostCodes = 200
    /// Pictures up to this many pixels are also looked at enlarged: their bars may be a pixel wide.
    private static let small = 1_500_000
    /// Turned pictures are reduced to this many pixels.
    private static let turnedPixels = 4_000_000.0
    /// "Y800" in zbar's notation: 8 bits of grey.
    private static let grey: UInt = 0x3030_3859

    private let scanner: OpaquePointer
    private let effort: Effort

    /// Nil if zbar has no memory.
    init?(kinds: [BarcodeKind], effort: Effort) {
        guard let scanner = zbar_image_scanner_create() else { return nil }
        self.scanner = scanner
        self.effort = effort
        zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0)
        for kind in kinds { zbar_image_scanner_set_config(scanner, kind.symbol, ZBAR_CFG_ENABLE, 1) }
    }

    deinit { zbar_image_scanner_destroy(scanner) }

    /// Codes in reading order; none if there are none.
    func codes(in picture: GreyPicture, isCancelled: () -> Bool) -> [Code] {
        for view in views(of: picture) {
            if isCancelled() { return [] }
            let seen = view()
            let codes = scan(seen, within: picture)
            if !codes.isEmpty { return codes }
        }
        return []
    }

    private func views(of picture: GreyPicture) -> [() -> GreyPicture] {
        var views: [() -> GreyPicture] = [{ picture }]
        guard effort == .thorough else { return views }
        let area = picture.width * picture.height
        if area <= Self.small { views.append { picture.turned(scale: 2, angle: 0) } }
        views.append { picture.inverted }
        let scale = min(1, (Self.turnedPixels / Double(area)).squareRoot())
        for angle in [45, 22.5, 67.5] { views.append { picture.turned(scale: scale, angle: angle) } }
        return views
    }

    private func scan(_ view: GreyPicture, within picture: GreyPicture) -> [Code] {
        guard let image = zbar_image_create() else { return [] }
        defer { zbar_image_destroy(image) }
        return view.samples.withUnsafeBytes { bytes in
            zbar_image_set_format(image, Self.grey)
            zbar_image_set_size(image, UInt32(view.width), UInt32(view.height))
            zbar_image_set_data(image, bytes.baseAddress, UInt(bytes.count), nil)
            guard zbar_scan_image(scanner, image) > 0 else { return [] }
            var codes: [Code] = []
            var symbol = zbar_image_first_symbol(image)
            while let found = symbol, codes.count < Self.mostCodes {
                if let code = code(found, in: view, within: picture) { codes.append(code) }
                symbol = zbar_symbol_next(found)
            }
            return Self.inReadingOrder(codes)
        }
    }

    /// Rows from the top, each from the left; a code whose middle is above the bottom of a row's first is in that row.
    private static func inReadingOrder(_ codes: [Code]) -> [Code] {
        var rows: [[Code]] = []
        for code in codes.sorted(by: { ($0.box[1], $0.text) < ($1.box[1], $1.text) }) {
            if let first = rows.last?.first, code.box[1] + code.box[3] / 2 < first.box[1] + first.box[3] {
                rows[rows.count - 1].append(code)
            } else {
                rows.append([code])
            }
        }
        return rows.flatMap { row in row.sorted { ($0.box[0], $0.text) < ($1.box[0], $1.text) } }
    }

    private func code(_ symbol: OpaquePointer, in view: GreyPicture, within picture: GreyPicture) -> Code? {
        guard let kind = BarcodeKind(zbar_symbol_get_type(symbol)), let data = zbar_symbol_get_data(symbol) else {
            return nil
        }
        // Bars that one scan line alone makes out are an accident of the picture.
        if kind != .qr, zbar_symbol_get_quality(symbol) < 2 { return nil }
        let bytes = UnsafeRawBufferPointer(start: data, count: Int(zbar_symbol_get_data_length(symbol)))
        let text = PrintableText(bytes).text
        guard !text.isEmpty else { return nil }
        return Code(kind: kind, text: text, box: box(symbol, in: view, within: picture))
    }

    /// Around the points where zbar saw the code, turned back and cut at the picture's edges.
    private func box(_ symbol: OpaquePointer, in view: GreyPicture, within picture: GreyPicture) -> [Int] {
        let points = (0..<zbar_symbol_get_loc_size(symbol)).map { index in
            view.upright(Double(zbar_symbol_get_loc_x(symbol, index)), Double(zbar_symbol_get_loc_y(symbol, index)))
        }
        func span(_ values: [Double], _ length: Int) -> (start: Int, size: Int) {
            let low = min(max(values.min() ?? 0, 0), Double(length - 1)).rounded(.down)
            let high = min(max(values.max() ?? 0, low + 1), Double(length)).rounded(.up)
            return (Int(low), max(1, Int(high) - Int(low)))
        }
        let (x, y) = (span(points.map(\.x), picture.width), span(points.map(\.y), picture.height))
        return [x.start, y.start, x.size, y.size]
    }
}
