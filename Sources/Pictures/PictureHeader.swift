/// What a file's header says, read by us before a decoder sees the file.
struct PictureHeader {
    /// Size as stored, before orientation.
    var width: Int
    var height: Int
    /// EXIF orientation, 1…8.
    var orientation = 1
    /// Pages of a TIFF, frames of an animation; 1 otherwise.
    var pages = 1
    /// Where the decoded part (an animation's first frame) lies on the canvas of `width` × `height`; nil: all of it.
    var frame: Frame?
    /// Bytes for the decoder where they are not the file's own.
    var decodable: [UInt8]?
    var transparency = Transparency.decoded
    var cost = Cost()

    /// Where the decoded pixels' opacity comes from.
    enum Transparency {
        /// The decoder's alpha.
        case decoded
        /// The decoder's alpha, by which its colours have been multiplied (TIFF).
        case premultiplied
        /// A palette index that is see-through (GIF).
        case index(Int)
        /// A colour that is see-through (PNG without a palette).
        case colour(SIMD3<UInt8>)
    }

    struct Frame: Equatable { var x, y, width, height: Int }

    /// Memory that a format's decoder takes, in bits for each stored pixel.
    struct Cost {
        /// Of the decoder's own, gone when it hands the picture over.
        var working = 0
        /// Of what it hands over.
        var handed = 0
        /// The decoder itself can reduce what it hands over.
        var scales = false

        /// Bytes at the peak, for a picture of `area` stored pixels that becomes one of `pixels`.
        func peak(area: Int, pixels: Int) -> Int {
            let handed = handed * (scales ? pixels : area)
            return max(working * area + handed, handed + 24 * pixels) / 8
        }
    }

    /// Reads the header of `bytes` and checks it against `limits`, and the file's structure for its end.
    static func read(_ bytes: [UInt8], format: PictureFormat, limits: PictureLimits) throws(PictureFault) -> Self {
        let reader = ByteReader(bytes)
        let header =
            switch format {
            case .jpeg: try JPEGHeader.read(reader, limits: limits)
            case .png: try PNGHeader.read(reader, limits: limits)
            case .tiff: try TIFFHeader.read(reader, limits: limits)
            case .webp: try WebPHeader.read(reader, limits: limits)
            case .gif: try GIFHeader.read(reader, limits: limits)
            case .bmp: try BMPHeader.read(reader, limits: limits)
            case .pnm: try PNMHeader.read(reader, limits: limits)
            }
        return header
    }
}
