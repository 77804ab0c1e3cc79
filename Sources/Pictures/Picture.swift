/// What was learnt of a file when it was decoded.
public struct PictureFacts: Sendable, Equatable {
    /// `jpeg`, `png`, `tiff`, `webp`, `gif`, `bmp` or `pnm`.
    public var format: PictureFormat
    /// Size of the upright picture in pixels.
    public var width: Int
    public var height: Int
    /// EXIF orientation as it was stored, 1…8; the picture itself has been turned upright.
    public var orientation: Int
    /// Pages or frames in the file; the picture is the first.
    public var pages: Int
    /// Pixels of the file, each way, for one of the decoded picture: 1, or 2, 4 or 8 where the whole would take too much
    /// memory.
    public var reduction: Int

    public init(
        format: PictureFormat, width: Int, height: Int, orientation: Int = 1, pages: Int = 1, reduction: Int = 1
    ) {
        self.format = format
        self.width = width
        self.height = height
        self.orientation = orientation
        self.pages = pages
        self.reduction = reduction
    }
}

/// An upright picture of 8-bit RGB, alpha flattened over white.
public struct Picture: Sendable, Equatable {
    /// Pixels a row.
    public let width: Int
    /// Rows.
    public let height: Int
    /// [height, width, 3], rows from the top, red first.
    public let rgb: [UInt8]
    /// Of the file that this picture comes from, also where it has been resized or cropped since.
    public let facts: PictureFacts

    /// A picture made in memory; without `facts` it counts as a PNM file of its size.
    /// - Precondition: `rgb` has width · height · 3 bytes.
    public init(width: Int, height: Int, rgb: [UInt8], facts: PictureFacts? = nil) {
        precondition(width > 0 && height > 0 && rgb.count == width * height * 3)
        self.width = width
        self.height = height
        self.rgb = rgb
        self.facts = facts ?? PictureFacts(format: .pnm, width: width, height: height)
    }
}
