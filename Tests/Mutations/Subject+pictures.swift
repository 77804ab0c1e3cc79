import Checkpoints
import Golden
import Models
import Pictures

extension Subject {
    /// Every decoder of pictures with a small file of its format, and EXIF blocks of chance before a good JPEG.
    static let pictures: [Subject] =
        [
            ("jpeg", "orientation-6.jpg"), ("jpeg-progressive", "jpeg-progressive.jpg"), ("jpeg-cmyk", "jpeg-cmyk.jpg"),
            ("png", "rgba-png.png"), ("png-exif", "orientation-6.png"), ("png-palette", "palette-clear.png"),
            ("png-16", "grey16-png.png"), ("tiff", "rgb-tiff_lzw.tif"), ("tiff-exif", "orientation-6.tif"),
            ("tiff-pages", "pages.tif"), ("tiff-fax", "bit-fax.tif"), ("webp", "webp-lossy.webp"),
            ("webp-exif", "orientation-6.webp"), ("webp-frames", "frames-webp.webp"), ("gif", "frames.gif"),
            ("bmp", "palette-bmp.bmp"), ("pnm", "rgb.ppm"), ("pnm-bits", "bit-pbm.pbm"),
        ].map { name, file in
            Subject(name, Golden.repository + "/Tests/Fixtures/pictures/" + file, open: look)
        } + [Subject("exif", make: ExifCorpus.picture, open: look)]

    /// A picture of at most a million pixels, whole.
    @Sendable private static func look(_ path: String) throws {
        let picture = try Picture.load(path: path, limits: PictureLimits(pixels: 1_000_000))
        precondition(picture.rgb.count == 3 * picture.width * picture.height)
        precondition((1...8).contains(picture.facts.orientation) && picture.facts.pages > 0)
    }
}

/// JPEGs whose EXIF blocks are put together by chance: either byte order, offsets that lead out of the block, back or to
/// themselves, entries of all types and counts, the orientation among them or not.
enum ExifCorpus {
    private static let jpeg: [UInt8] = {
        let path = Golden.repository + "/Tests/Fixtures/pictures/jpeg.jpg"
        guard let mapping = try? MappedFile(path: path) else { return [] }
        return withExtendedLifetime(mapping) { Array(mapping.bytes.buffer) }
    }()

    static func picture(using random: inout SplitMix64) -> [UInt8] {
        var bytes = Array(jpeg.prefix(2))
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            var block = Array("Exif\0\0".utf8) + directory(using: &random)
            if Int.random(in: 0..<3, using: &random) == 0 { block = block.mutated(using: &random) }
            let isHonest = Int.random(in: 0..<8, using: &random) > 0
            let size = isHonest ? block.count + 2 : Int.random(in: 0...0xFFFF, using: &random)
            bytes += [0xFF, 0xE1, UInt8(truncatingIfNeeded: size >> 8), UInt8(truncatingIfNeeded: size)] + block
        }
        return bytes + jpeg.dropFirst(2)
    }

    /// A TIFF header and one to three directories.
    private static func directory(using random: inout SplitMix64) -> [UInt8] {
        let isLittle = Bool.random(using: &random)
        func number(_ value: Int, _ width: Int) -> [UInt8] {
            let digits = (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            return isLittle ? digits : digits.reversed()
        }
        let edges = [0, 1, 4, 7, 8, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF]
        var bytes: [UInt8] = isLittle ? [0x49, 0x49, 42, 0] : [0x4D, 0x4D, 0, 42]
        bytes += number(Int.random(in: 0..<6, using: &random) > 0 ? 8 : edges.randomElement(using: &random) ?? 8, 4)
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let count = Int.random(in: 0...6, using: &random)
            bytes += number(Int.random(in: 0..<6, using: &random) > 0 ? count : Int.random(in: 0...0xFFFF, using: &random), 2)
            for _ in 0..<count {
                let isOrientation = Bool.random(using: &random)
                bytes += number(isOrientation ? 0x0112 : Int.random(in: 0...0xFFFF, using: &random), 2)
                bytes += number(isOrientation ? 3 : Int.random(in: 0...13, using: &random), 2)
                bytes += number(isOrientation ? 1 : edges.randomElement(using: &random) ?? 1, 4)
                bytes += number(Int.random(in: 0...9, using: &random), 2)
                bytes += number(Int.random(in: 0...0xFFFF, using: &random), 2)
            }
            let here = bytes.count + 4
            let next = [0, here, 8, here - 4, edges.randomElement(using: &random) ?? 0]
            bytes += number(next.randomElement(using: &random) ?? 0, 4)
        }
        return bytes
    }
}
