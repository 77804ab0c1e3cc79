/// BMP's two headers (BITMAPFILEHEADER, then BITMAPCOREHEADER or BITMAPINFOHEADER and later).
struct BMPHeader {
    var width: Int
    var height: Int
    /// Rows are stored from the top; usually they are not.
    var topDown: Bool
    /// Bits a pixel.
    var depth: Int
    /// Red, green, blue, alpha; 0 where a channel is absent. Of 16 and 32 bits a pixel.
    var masks: [UInt32] = [0, 0, 0, 0]
    /// Blue, green, red of each index, `paletteStride` bytes apart from `paletteStart`.
    var paletteStart: Int
    var paletteStride: Int
    /// Offset of the first row.
    var start: Int

    /// Bytes of a stored row.
    var rowBytes: Int { (width * depth + 31) / 32 * 4 }

    static func read(_ reader: ByteReader, limits: PictureLimits) throws(PictureFault) -> PictureHeader {
        let header = try BMPHeader(reader)
        try limits.check(width: header.width, height: header.height)
        guard header.start <= reader.count, header.rowBytes * header.height <= reader.count - header.start else {
            throw .truncated("expected \(header.start + header.rowBytes * header.height) bytes, found \(reader.count)")
        }
        return PictureHeader(width: header.width, height: header.height)
    }

    init(_ reader: ByteReader) throws(PictureFault) {
        guard let offset = reader.u32(10, .little), let size = reader.u32(14, .little), reader.count >= 14 + size else {
            throw .truncated("\(reader.count) bytes are fewer than its header")
        }
        let core = size == 12
        guard core || size >= 40 else { throw .unsupported("a header of \(size) bytes") }
        guard let width = core ? reader.u16(18, .little) : reader.i32(18, .little),
            let height = core ? reader.u16(20, .little) : reader.i32(22, .little),
            let depth = reader.u16(core ? 24 : 28, .little)
        else { throw .truncated("its header is not whole") }
        guard [1, 4, 8, 16, 24, 32].contains(depth) else { throw .corrupt("\(depth) bits a pixel") }
        self.width = width
        self.height = abs(height)
        self.depth = depth
        topDown = height < 0
        start = offset
        paletteStart = 14 + size
        paletteStride = core ? 3 : 4
        let compression = core ? 0 : reader.u32(30, .little) ?? 0
        switch (compression, depth) {
        case (0, 16): masks = [0x7C00, 0x03E0, 0x001F, 0]
        case (0, 32): masks = [0xFF0000, 0xFF00, 0xFF, 0]  // the fourth byte means nothing here
        case (0, _): break
        case (3, 16), (3, 32), (6, 16), (6, 32):
            // Behind a header of 40 bytes, or in the same place inside a later one.
            let count = compression == 6 || size >= 56 ? 4 : 3
            for i in 0..<count { masks[i] = UInt32(reader.u32(54 + 4 * i, .little) ?? 0) }
        default: throw .unsupported("compression \(compression) with \(depth) bits a pixel")
        }
    }
}
