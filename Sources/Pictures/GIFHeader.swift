/// GIF's blocks (GIF89a specification): canvas, number of frames, the first frame's place and transparent index. The
/// decoder gets the file up to the end of its first frame, so that an animation costs what a still picture costs.
enum GIFHeader {
    static func read(_ reader: ByteReader, limits: PictureLimits) throws(PictureFault) -> PictureHeader {
        guard reader.count >= 13, let width = reader.u16(6, .little), let height = reader.u16(8, .little),
            let flags = reader.u8(10)
        else { throw .truncated("\(reader.count) bytes are fewer than its header") }
        try limits.check(width: width, height: height)
        var header = PictureHeader(width: width, height: height, pages: 0)
        header.cost = .init(working: 16, handed: 8)  // the frame as it is stored and, of interlaced ones, put in order
        var transparent: Int?
        var position = 13 + palette(flags)
        while let block = reader.u8(position) {
            position += 1
            switch block {
            case 0x21:
                if header.frame == nil, reader.u8(position) == 0xF9, let bits = reader.u8(position + 2) {
                    transparent = bits & 1 == 1 ? reader.u8(position + 5) : nil
                }
                position += 1
                guard skipSubBlocks(reader, &position) else { return try ended(header) }
            case 0x2C:
                guard let x = reader.u16(position, .little), let y = reader.u16(position + 2, .little),
                    let w = reader.u16(position + 4, .little), let h = reader.u16(position + 6, .little),
                    let flags = reader.u8(position + 8)
                else { return try ended(header) }
                position += 9 + palette(flags) + 1
                guard skipSubBlocks(reader, &position) else { return try ended(header) }
                header.pages += 1
                if header.frame == nil {
                    try limits.check(width: w, height: h)
                    header.frame = .init(x: x, y: y, width: w, height: h)
                    header.transparency = transparent.map { .index($0) } ?? .decoded
                    header.decodable = Array(reader.bytes[..<position]) + [0x3B]
                    // A frame may be larger than the screen that the header promises; the first frame then rules.
                    header.width = max(width, x + w)
                    header.height = max(height, y + h)
                    try limits.check(width: header.width, height: header.height)
                }
            case 0x3B:
                guard header.frame != nil else { throw .corrupt("no frame") }
                return header
            case 0: break  // stray padding
            default:
                // Rubbish behind a whole frame is not the picture's fault.
                if header.frame != nil { return header }
                throw .corrupt("unknown block \(block) at byte \(position - 1)")
            }
        }
        return try ended(header)
    }

    /// The file stopped early: fine behind at least one whole frame of a still picture that only lacks its trailer.
    private static func ended(_ header: PictureHeader) throws(PictureFault) -> PictureHeader {
        guard header.pages == 1 else {
            throw .truncated(
                header.pages == 0 ? "its first frame is not whole" : "frame \(header.pages + 1) is not whole")
        }
        return header
    }

    private static func palette(_ flags: Int) -> Int { flags & 0x80 == 0 ? 0 : 3 << (flags & 7 + 1) }

    /// Goes past a chain of sub-blocks and its terminator; false where the file ends inside.
    private static func skipSubBlocks(_ reader: ByteReader, _ position: inout Int) -> Bool {
        while let size = reader.u8(position) {
            position += 1 + size
            if size == 0 { return true }
        }
        return false
    }
}
