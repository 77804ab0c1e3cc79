import Glibc
import Pictures

/// 8-bit luminance, and the way back from its pixels to the upright picture's.
struct GreyPicture {
    let width: Int
    let height: Int
    /// [height, width], rows from the top.
    let samples: [UInt8]
    private var turning: Turning?

    /// How the upright picture became this one: scaled and turned about its centre.
    private struct Turning {
        /// Pixels of this picture for one of the upright picture.
        let scale: Double
        let sine: Double
        let cosine: Double
        let before: (x: Double, y: Double)
        let after: (x: Double, y: Double)

        /// - Parameter angle: in degrees, clockwise.
        init(width: Int, height: Int, scale: Double, angle: Double) {
            self.scale = scale
            sine = sin(angle * .pi / 180)
            cosine = cos(angle * .pi / 180)
            let (w, h) = (Double(width), Double(height))
            before = (w / 2, h / 2)
            after = (
                ((w * abs(cosine) + h * abs(sine)) * scale / 2).rounded(.up),
                ((w * abs(sine) + h * abs(cosine)) * scale / 2).rounded(.up)
            )
        }

        func back(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
            let (dx, dy) = ((x - after.x) / scale, (y - after.y) / scale)
            return (before.x + dx * cosine + dy * sine, before.y - dx * sine + dy * cosine)
        }
    }

    init(_ picture: Picture) {
        width = picture.width
        height = picture.height
        samples = picture.rgb.withUnsafeBufferPointer { rgb in
            [UInt8](unsafeUninitializedCapacity: rgb.count / 3) { grey, count in
                count = rgb.count / 3
                for i in 0..<count {
                    let red = 77 * Int(rgb[3 * i])
                    let green = 150 * Int(rgb[3 * i + 1])
                    let blue = 29 * Int(rgb[3 * i + 2])
                    grey[i] = UInt8((red + green + blue) >> 8)
                }
            }
        }
    }

    private init(width: Int, height: Int, samples: [UInt8], turning: Turning?) {
        self.width = width
        self.height = height
        self.samples = samples
        self.turning = turning
    }

    /// Light on dark becomes dark on light.
    var inverted: GreyPicture {
        GreyPicture(width: width, height: height, samples: samples.map { 255 - $0 }, turning: turning)
    }

    /// - Parameters:
    ///   - scale: over 1 enlarges
    ///   - angle: in degrees, clockwise; what was outside becomes white
    func turned(scale: Double, angle: Double) -> GreyPicture {
        let turning = Turning(width: width, height: height, scale: scale, angle: angle)
        let (outWidth, outHeight) = (Int(turning.after.x * 2), Int(turning.after.y * 2))
        let out = samples.withUnsafeBufferPointer { grey in
            [UInt8](unsafeUninitializedCapacity: outWidth * outHeight) { out, count in
                count = outWidth * outHeight
                for y in 0..<outHeight {
                    for x in 0..<outWidth {
                        let (sx, sy) = turning.back(Double(x) + 0.5, Double(y) + 0.5)
                        out[y * outWidth + x] = between(grey, sx - 0.5, sy - 0.5)
                    }
                }
            }
        }
        return GreyPicture(width: outWidth, height: outHeight, samples: out, turning: turning)
    }

    /// The upright picture's point for one of this picture.
    func upright(_ x: Double, _ y: Double) -> (x: Double, y: Double) { turning?.back(x, y) ?? (x, y) }

    /// Bilinear, white outside.
    private func between(_ grey: UnsafeBufferPointer<UInt8>, _ x: Double, _ y: Double) -> UInt8 {
        guard x > -1, y > -1, x < Double(width), y < Double(height) else { return 255 }
        let (left, top) = (Int(x.rounded(.down)), Int(y.rounded(.down)))
        let (fx, fy) = (x - Double(left), y - Double(top))
        func sample(_ x: Int, _ y: Int) -> Double {
            x >= 0 && y >= 0 && x < width && y < height ? Double(grey[y * width + x]) : 255
        }
        let upper = sample(left, top) * (1 - fx) + sample(left + 1, top) * fx
        let lower = sample(left, top + 1) * (1 - fx) + sample(left + 1, top + 1) * fx
        return UInt8((upper * (1 - fy) + lower * fy).rounded())
    }
}
