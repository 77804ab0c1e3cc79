/// Puts stored rows where EXIF orientation says that they belong.
enum UprightPixels {
    /// Rows that are turned together, so that writing down a column touches each cache line once.
    private static let band = 16

    /// - Parameters:
    ///   - width: stored pixels a row
    ///   - height: stored rows
    ///   - orientation: 1…8; from 5 on width and height change places
    ///   - row: writes stored row y as RGB, `width` · 3 bytes
    /// - Returns: [height, width, 3] of the upright picture
    static func assemble(
        width: Int, height: Int, orientation: Int, row: (Int, UnsafeMutablePointer<UInt8>) -> Void
    ) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
            count = width * height * 3
            let out = buffer.baseAddress!
            if orientation == 1 {
                for y in 0..<height { row(y, out + 3 * y * width) }
                return
            }
            // Upright offset of stored (x, y) is origin + x · across + y · down, in pixels.
            let (origin, across, down) = walk(width: width, height: height, orientation: orientation)
            let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: band * width * 3)
            defer { scratch.deallocate() }
            for top in stride(from: 0, to: height, by: band) {
                let rows = min(band, height - top)
                for y in 0..<rows { row(top + y, scratch + 3 * y * width) }
                for x in 0..<width {
                    var from = scratch + 3 * x
                    for y in top..<top + rows {
                        let to = out + 3 * (origin + x * across + y * down)
                        (to[0], to[1], to[2]) = (from[0], from[1], from[2])
                        from += 3 * width
                    }
                }
            }
        }
    }

    private static func walk(width w: Int, height h: Int, orientation: Int) -> (origin: Int, across: Int, down: Int) {
        switch orientation {
        case 2: (w - 1, -1, w)  // mirrored left to right
        case 3: (w * h - 1, -1, -w)  // upside down
        case 4: ((h - 1) * w, 1, -w)  // mirrored top to bottom
        case 5: (0, h, 1)  // mirrored along the falling diagonal
        case 6: (h - 1, h, -1)  // to be turned a quarter clockwise
        case 7: (w * h - 1, -h, -1)  // mirrored along the rising diagonal
        case 8: ((w - 1) * h, -h, 1)  // to be turned a quarter anticlockwise
        default: (0, 1, w)
        }
    }
}
