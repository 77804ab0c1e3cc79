/// What a file may ask for; checked against the file's size and its header before anything is decoded.
public struct PictureLimits: Sendable, Equatable {
    /// Bytes of the file. 512 MiB by default.
    public var bytes: Int
    /// Width times height. 200 million by default: an A0 sheet at 300 DPI (139 million) passes, a bomb does not.
    /// Decoding takes about 7 bytes a pixel at its peak.
    public var pixels: Int
    /// The longer side, in pixels. 100,000 by default.
    public var side: Int

    public init(bytes: Int = 512 << 20, pixels: Int = 200_000_000, side: Int = 100_000) {
        self.bytes = bytes
        self.pixels = pixels
        self.side = side
    }

    public static let `default` = PictureLimits()

    /// The decoder cannot hold 2^31 bytes in one picture, whatever the other limits say: 4 bytes a pixel.
    static let decodedBytes = Int(Int32.max)

    /// Refuses a picture of `width` × `height` stored pixels that is over a limit.
    func check(width: Int, height: Int) throws(PictureFault) {
        guard width > 0, height > 0 else { throw .corrupt("its header says \(width)×\(height) pixels") }
        guard width <= side, height <= side else {
            throw .tooLarge(limit: "\(side) pixels a side", found: "\(width)×\(height) pixels")
        }
        let (area, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, area <= pixels else {
            throw .tooLarge(limit: "\(pixels) pixels", found: "\(width)×\(height) pixels")
        }
        guard area <= Self.decodedBytes / 4 else {
            throw .tooLarge(limit: "\(Self.decodedBytes) decoded bytes", found: "\(area) pixels of 4 bytes")
        }
    }
}
