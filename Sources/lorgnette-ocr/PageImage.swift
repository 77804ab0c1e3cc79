import CLeptonica
import Glibc

/// A grey picture as Tesseract likes it (dark on light, letters of a good size, straight), and the way back from its
/// pixels to the upright picture's. Owns its PIX.
final class PageImage {
    let pix: UnsafeMutablePointer<PIX>
    private let mapping: Mapping

    /// How the upright picture became this image: scaled, turned, then framed.
    struct Mapping {
        /// Pixels of this image for one of the upright picture.
        var scale = 1.0
        /// Clockwise, in radians, about the centre.
        var angle = 0.0
        /// Width and height before and after turning.
        var before = (width: 0.0, height: 0.0)
        var after = (width: 0.0, height: 0.0)
        /// White pixels around everything.
        var border = 0.0

        /// The upright picture's point for one of this image.
        func back(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
            let dx = x - border - after.width / 2
            let dy = y - border - after.height / 2
            let (sine, cosine) = (sin(-angle), cos(-angle))
            return (
                (dx * cosine - dy * sine + before.width / 2) / scale,
                (dx * sine + dy * cosine + before.height / 2) / scale
            )
        }
    }

    init(owning pix: UnsafeMutablePointer<PIX>, _ mapping: Mapping) {
        self.pix = pix
        self.mapping = mapping
    }

    deinit {
        var pix: UnsafeMutablePointer<PIX>? = pix
        pixDestroy(&pix)
    }

    /// The upright rectangle around one of this image.
    func upright(left: Int, top: Int, right: Int, bottom: Int) -> TextBox {
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)].map {
            mapping.back(Double($0.0), Double($0.1))
        }
        let xs = corners.map(\.x)
        let ys = corners.map(\.y)
        let x = Int(((xs.min() ?? 0) + 0.01).rounded(.down))
        let y = Int(((ys.min() ?? 0) + 0.01).rounded(.down))
        return TextBox(
            x: x, y: y, width: Int(((xs.max() ?? 0) - 0.01).rounded(.up)) - x,
            height: Int(((ys.max() ?? 0) - 0.01).rounded(.up)) - y)
    }
}
