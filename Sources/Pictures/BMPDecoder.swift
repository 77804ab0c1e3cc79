/// Rows of an uncompressed BMP file to RGB.
enum BMPDecoder {
    /// - Returns: [height, width, 3], each side divided by `step`
    static func decode(_ bytes: [UInt8], step: Int = 1) throws(PictureFault) -> [UInt8] {
        let header = try BMPHeader(ByteReader(bytes))
        let palette = palette(header, bytes)
        let channels = header.masks.map(Channel.init)
        let width = header.width
        let rows = ReducedRows(width: width, height: header.height, step: step) { y, rgb in
            let row = header.start + (header.topDown ? y : header.height - 1 - y) * header.rowBytes
            for x in 0..<width {
                let colour: SIMD3<UInt8>
                switch header.depth {
                case 24:
                    let at = row + 3 * x
                    colour = SIMD3(bytes[at + 2], bytes[at + 1], bytes[at])
                case 16, 32:
                    let at = row + header.depth / 8 * x
                    var pixel = UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8
                    if header.depth == 32 { pixel |= UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24 }
                    let alpha = header.masks[3] == 0 ? 255 : channels[3].value(pixel)
                    colour = SIMD3(
                        overWhite(channels[0].value(pixel), alpha: alpha),
                        overWhite(channels[1].value(pixel), alpha: alpha),
                        overWhite(channels[2].value(pixel), alpha: alpha))
                default:
                    let bit = x * header.depth
                    let index = bytes[row + bit >> 3] >> UInt8(8 - header.depth - bit & 7)
                    colour = palette[Int(index) & (1 << header.depth - 1)]
                }
                (rgb[3 * x], rgb[3 * x + 1], rgb[3 * x + 2]) = (colour.x, colour.y, colour.z)
            }
        }
        return rows.upright()
    }

    /// 256 colours; black where the file has none.
    private static func palette(_ header: BMPHeader, _ bytes: [UInt8]) -> [SIMD3<UInt8>] {
        (0..<256).map { index in
            let at = header.paletteStart + index * header.paletteStride
            guard header.depth <= 8, at + 3 <= min(bytes.count, header.start) else { return SIMD3() }
            return SIMD3(bytes[at + 2], bytes[at + 1], bytes[at])
        }
    }

    /// The bits of one channel in a pixel.
    private struct Channel {
        let mask: UInt32
        let shift: UInt32
        let full: Int

        init(mask: UInt32) {
            self.mask = mask
            shift = UInt32(mask.trailingZeroBitCount) & 31
            full = max(1, Int(mask >> shift))
        }

        /// On the scale 0…255.
        func value(_ pixel: UInt32) -> Int { min(255, (Int((pixel & mask) >> shift) * 255 + full / 2) / full) }
    }
}
