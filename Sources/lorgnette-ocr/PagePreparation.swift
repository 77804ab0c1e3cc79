import CLeptonica
import Pictures

/// From an upright picture to grey page images for Tesseract. Steps that fail leave the image as it was: Leptonica
/// refuses, for one, to level the background of very small pictures.
final class PagePreparation {
    /// Letters' height in pixels that the recogniser reads best, and below which a picture is enlarged.
    private static let letterHeight = 22.0
    private static let largestScale = 4.0
    private static let leastScale = 1.25
    /// A background as bright as this is white: there is nothing to level.
    private static let white: UInt32 = 245
    /// Leptonica levels a background to 200, not to white.
    private static let levelledBackground = 200.0
    /// What is darker than this share of its background is ink.
    private static let inkShare = 0.8
    private static let border = 20

    private let grey: UnsafeMutablePointer<PIX>
    /// Pixels of `grey` for one of the upright picture.
    private let scale: Double
    private let mostPixels: Double
    /// The picture with one background everywhere, dark on light; nil where that is impossible.
    private let level: UnsafeMutablePointer<PIX>?
    /// What is darker in `level` is ink.
    private let inkBelow: Int32
    /// The median height of what look like letters in `grey`, nil where there are too few.
    let lettersInGrey: Double?

    /// - Parameter megapixels: larger pictures are reduced, and no picture is enlarged beyond it.
    init?(_ picture: Picture, megapixels: Double) {
        mostPixels = megapixels * 1e6
        guard let (pix, factor) = Self.grey(picture, mostPixels: mostPixels) else { return nil }
        grey = pix
        scale = factor
        let isWhite = Self.isWhite(pix)
        level = isWhite ? pixClone(pix) : Self.levelled(pix)
        let inkBelow = Int32(Self.inkShare * (isWhite ? 255 : Self.levelledBackground))
        self.inkBelow = inkBelow
        lettersInGrey = level.flatMap { Self.letterHeight($0, inkBelow) }
    }

    deinit {
        var pix: UnsafeMutablePointer<PIX>? = grey
        pixDestroy(&pix)
        pix = level
        pixDestroy(&pix)
    }

    /// - Parameters:
    ///   - levelled: with its background made white, or as it is
    ///   - straightened: with a small skew taken out
    func page(levelled: Bool, straightened: Bool) -> PageImage? {
        guard let source = levelled ? level : grey else { return nil }
        var mapping = PageImage.Mapping()
        var pix = pixClone(source)
        let enlargement = enlargement
        if enlargement != 1, let scaled = pixScaleGeneral(pix, Float(enlargement), Float(enlargement), 0, 0) {
            pixDestroy(&pix)
            pix = scaled
        }
        guard let unturned = pix else { return nil }
        mapping.scale = scale * enlargement
        mapping.before = Self.size(unturned)
        mapping.after = mapping.before
        if straightened, let angle = Self.skew(unturned, inkBelow),
            let turned = pixRotate(
                unturned, angle, Int32(L_ROTATE_AREA_MAP), Int32(L_BRING_IN_WHITE),
                Int32(mapping.before.width), Int32(mapping.before.height))
        {
            pixDestroy(&pix)
            pix = turned
            mapping.angle = Double(angle)
            mapping.after = Self.size(turned)
        }
        let edge = Int32(Self.border)
        // White around a levelled page; an unlevelled one goes on as it ends.
        let framed =
            levelled
            ? pixAddBorderGeneral(pix, edge, edge, edge, edge, 255) : pixAddContinuedBorder(pix, edge, edge, edge, edge)
        pixDestroy(&pix)
        guard let framed else { return nil }
        mapping.border = Double(Self.border)
        return PageImage(owning: framed, mapping)
    }

    /// By how much `grey` is enlarged for recognition.
    private var enlargement: Double {
        let (width, height) = Self.size(grey)
        let room = (mostPixels / (width * height)).squareRoot()
        let wanted = lettersInGrey.map { Self.letterHeight / $0 } ?? (width * height < 400_000 ? 2 : 1)
        // A little larger is no better to read, and takes longer.
        return wanted < Self.leastScale ? 1 : max(1, min(wanted, room, Self.largestScale))
    }

    private static func size(_ pix: UnsafeMutablePointer<PIX>) -> (width: Double, height: Double) {
        (Double(pixGetWidth(pix)), Double(pixGetHeight(pix)))
    }

    /// 8-bit luminance, reduced by a whole number of pixels where the picture is too large.
    private static func grey(_ picture: Picture, mostPixels: Double) -> (UnsafeMutablePointer<PIX>, Double)? {
        let area = Double(picture.width) * Double(picture.height)
        let step = max(1, Int((area / mostPixels).squareRoot().rounded(.up)))
        let width = picture.width / step
        let height = picture.height / step
        guard width > 0, height > 0, let pix = pixCreate(Int32(width), Int32(height), 8), let data = pixGetData(pix)
        else { return nil }
        let words = Int(pixGetWpl(pix))
        picture.rgb.withUnsafeBufferPointer { rgb in
            for y in 0..<height {
                // Leptonica packs bytes from the top of each word: at x ^ 3 where words begin with their lowest byte.
                let row = UnsafeMutableRawPointer(data + y * words).assumingMemoryBound(to: UInt8.self)
                var at = 3 * y * step * picture.width
                for x in 0..<width {
                    var sum = 0
                    for dy in 0..<step {
                        var from = at + 3 * dy * picture.width
                        for _ in 0..<step {
                            sum += 77 * Int(rgb[from]) + 150 * Int(rgb[from + 1]) + 29 * Int(rgb[from + 2])
                            from += 3
                        }
                    }
                    row[x ^ 3] = UInt8(truncatingIfNeeded: step == 1 ? sum >> 8 : sum / (256 * step * step))
                    at += 3 * step
                }
            }
        }
        return (pix, 1 / Double(step))
    }

    /// Of how many pixels in a row one is looked at: some hundred in each direction tell what most of them are.
    private static func sampling(_ grey: UnsafeMutablePointer<PIX>) -> Int32 {
        max(1, min(pixGetWidth(grey), pixGetHeight(grey)) / 250)
    }

    private static func isWhite(_ grey: UnsafeMutablePointer<PIX>) -> Bool {
        // A quarter of the page may be ink.
        var quarter: UInt32 = 0
        return pixGetRankValue(grey, sampling(grey), 0.25, &quarter) == 0 && quarter >= white
    }

    private static func levelled(_ grey: UnsafeMutablePointer<PIX>) -> UnsafeMutablePointer<PIX>? {
        var median: UInt32 = 255
        _ = pixGetRankValue(grey, sampling(grey), 0.5, &median)
        var source = median < 110 ? pixInvert(nil, grey) : pixClone(grey)
        defer { pixDestroy(&source) }
        return pixBackgroundNormSimple(source, nil, nil)
    }

    private static func letterHeight(_ level: UnsafeMutablePointer<PIX>, _ inkBelow: Int32) -> Double? {
        var binary = pixThresholdToBinary(level, inkBelow)
        defer { pixDestroy(&binary) }
        guard let binary else { return nil }
        var boxes = pixConnCompBB(binary, 8)
        defer { boxaDestroy(&boxes) }
        guard let boxes else { return nil }
        var heights: [Int32] = []
        for index in 0..<boxaGetCount(boxes) {
            var (w, h) = (Int32(0), Int32(0))
            guard boxaGetBoxGeometry(boxes, index, nil, nil, &w, &h) == 0 else { continue }
            if h >= 5, w >= 2, h <= 200, w <= 6 * h, h <= 6 * w { heights.append(h) }
        }
        guard heights.count >= 20 else { return nil }
        heights.sort()
        return Double(heights[heights.count / 2])
    }

    /// The clockwise turn, in radians, that makes lines of text level; nil where there is none worth making.
    private static func skew(_ level: UnsafeMutablePointer<PIX>, _ inkBelow: Int32) -> Float? {
        var binary = pixThresholdToBinary(level, inkBelow)
        defer { pixDestroy(&binary) }
        guard let binary else { return nil }
        var angle: Float = 0
        var confidence: Float = 0
        guard pixFindSkew(binary, &angle, &confidence) == 0, confidence >= 3, abs(angle) >= 0.4, abs(angle) <= 7 else {
            return nil
        }
        return angle * .pi / 180
    }
}
