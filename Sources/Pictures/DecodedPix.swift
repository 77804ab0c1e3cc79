import CLeptonica

/// A picture as Leptonica decoded it, of any depth; owns its PIX.
final class DecodedPix {
    private let pix: UnsafeMutablePointer<PIX>
    /// Red, green, blue, alpha of each palette index; empty without a palette.
    private let palette: [SIMD4<UInt8>]
    private let transparency: PictureHeader.Transparency
    let width: Int
    let height: Int

    private static let silence: Void = { _ = setMsgSeverity(Int32(L_SEVERITY_NONE)) }()

    /// - Parameter reduction: of a JPEG, which its decoder reduces itself: 1, 2, 4 or 8.
    init(
        _ bytes: [UInt8], format: PictureFormat, transparency: PictureHeader.Transparency, reduction: Int = 1
    ) throws(PictureFault) {
        Self.silence
        var warnings: Int32 = 0
        let decoded = bytes.withUnsafeBufferPointer { buffer -> UnsafeMutablePointer<PIX>? in
            let base = buffer.baseAddress
            return switch format {
            case .jpeg:
                pixReadMemJpeg(base, buffer.count, 0, Int32(reduction), &warnings, Int32(L_JPEG_CONTINUE_WITH_BAD_DATA))
            case .png: pixReadMemPng(base, buffer.count)
            case .tiff: pixReadMemTiff(base, buffer.count, 0)
            case .webp: pixReadMemWebP(base, buffer.count)
            case .gif: pixReadMemGif(base, buffer.count)
            case .bmp, .pnm: nil  // decoded by us
            }
        }
        guard let decoded else { throw .corrupt("the decoder refused its data") }
        pix = decoded
        width = Int(pixGetWidth(decoded))
        height = Int(pixGetHeight(decoded))
        palette = Self.palette(decoded, transparency)
        self.transparency = transparency
        guard warnings == 0 else { throw .corrupt("the decoder warned \(warnings) times of damaged data") }
        guard [1, 2, 4, 8, 16, 32].contains(pixGetDepth(decoded)) else {
            throw .unsupported("\(pixGetDepth(decoded)) decoded bits a pixel")
        }
    }

    deinit {
        var pix: UnsafeMutablePointer<PIX>? = pix
        pixDestroy(&pix)
    }

    private static func palette(
        _ pix: UnsafeMutablePointer<PIX>, _ transparency: PictureHeader.Transparency
    ) -> [SIMD4<UInt8>] {
        guard let map = pixGetColormap(pix) else { return [] }
        // Filled up to 256, so that no index is past its end.
        return (0..<256).map { index in
            var (r, g, b, a) = (Int32(0), Int32(0), Int32(0), Int32(255))
            if index < pixcmapGetCount(map) { _ = pixcmapGetRGBA(map, Int32(index), &r, &g, &b, &a) }
            if case .index(index) = transparency { a = 0 }
            return SIMD4(
                UInt8(truncatingIfNeeded: r), UInt8(truncatingIfNeeded: g), UInt8(truncatingIfNeeded: b),
                UInt8(truncatingIfNeeded: a))
        }
    }

    /// Writes row `y` as RGB, `width` · 3 bytes.
    func row(_ y: Int, into rgb: UnsafeMutablePointer<UInt8>) {
        unpack(y, into: rgb)
        guard case .colour(let key) = transparency else { return }
        for x in 0..<width where rgb[3 * x] == key.x && rgb[3 * x + 1] == key.y && rgb[3 * x + 2] == key.z {
            (rgb + 3 * x).update(repeating: 255, count: 3)
        }
    }

    private func unpack(_ y: Int, into rgb: UnsafeMutablePointer<UInt8>) {
        let words = pixGetData(pix)! + y * Int(pixGetWpl(pix))
        let depth = Int(pixGetDepth(pix))
        if depth == 32 {
            guard pixGetSpp(pix) == 4 else { return opaque(words, into: rgb) }
            if case .premultiplied = transparency { return overlaid(words, into: rgb) }
            return blended(words, into: rgb)
        }
        if depth == 8, palette.isEmpty { return grey(words, into: rgb) }
        // Pixels of fewer bits are packed from the top of each 32-bit word.
        let mask = UInt32(1) << UInt32(depth) - 1
        let perWord = 32 / depth
        var out = rgb
        for x in 0..<width {
            let value = Int(words[x / perWord] >> UInt32(32 - depth * (x % perWord + 1)) & mask)
            if palette.isEmpty {
                let grey: UInt8 =
                    switch depth {
                    case 1: value == 0 ? 255 : 0
                    case 16: UInt8(value >> 8)
                    default: UInt8(value * 255 / Int(mask))
                    }
                (out[0], out[1], out[2]) = (grey, grey, grey)
            } else {
                let colour = palette[value & 0xFF]
                let alpha = Int(colour.w)
                out[0] = overWhite(Int(colour.x), alpha: alpha)
                out[1] = overWhite(Int(colour.y), alpha: alpha)
                out[2] = overWhite(Int(colour.z), alpha: alpha)
            }
            out += 3
        }
    }

    /// Bytes, packed from the top of each word: at x ^ 3 where words begin with their lowest byte.
    private func grey(_ words: UnsafeMutablePointer<UInt32>, into rgb: UnsafeMutablePointer<UInt8>) {
        let bytes = UnsafeRawPointer(words).assumingMemoryBound(to: UInt8.self)
        for x in 0..<width {
            let value = bytes[x ^ 3]
            (rgb[3 * x], rgb[3 * x + 1], rgb[3 * x + 2]) = (value, value, value)
        }
    }

    private func opaque(_ words: UnsafeMutablePointer<UInt32>, into rgb: UnsafeMutablePointer<UInt8>) {
        for x in 0..<width {
            let word = words[x]
            rgb[3 * x] = UInt8(truncatingIfNeeded: word >> 24)
            rgb[3 * x + 1] = UInt8(truncatingIfNeeded: word >> 16)
            rgb[3 * x + 2] = UInt8(truncatingIfNeeded: word >> 8)
        }
    }

    /// Colours that have been multiplied by their alpha.
    private func overlaid(_ words: UnsafeMutablePointer<UInt32>, into rgb: UnsafeMutablePointer<UInt8>) {
        for x in 0..<width {
            let white = 255 - words[x] & 0xFF
            rgb[3 * x] = UInt8(min(255, words[x] >> 24 + white))
            rgb[3 * x + 1] = UInt8(min(255, words[x] >> 16 & 0xFF + white))
            rgb[3 * x + 2] = UInt8(min(255, words[x] >> 8 & 0xFF + white))
        }
    }

    private func blended(_ words: UnsafeMutablePointer<UInt32>, into rgb: UnsafeMutablePointer<UInt8>) {
        for x in 0..<width {
            let word = words[x]
            let alpha = Int(word & 0xFF)
            rgb[3 * x] = overWhite(Int(word >> 24), alpha: alpha)
            rgb[3 * x + 1] = overWhite(Int(word >> 16 & 0xFF), alpha: alpha)
            rgb[3 * x + 2] = overWhite(Int(word >> 8 & 0xFF), alpha: alpha)
        }
    }
}
