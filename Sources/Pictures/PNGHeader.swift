/// PNG's chunks (ISO/IEC 15948): size, orientation from eXIf, frames of an animation, and whether IEND is there.
enum PNGHeader {
    static func read(_ reader: ByteReader, limits: PictureLimits) throws(PictureFault) -> PictureHeader {
        guard reader.count >= 33 else { throw .truncated("\(reader.count) bytes are fewer than its header") }
        guard reader.u32(8, .big) == 13, reader.starts("IHDR", at: 12), let width = reader.u32(16, .big),
            let height = reader.u32(20, .big), let depth = reader.u8(24), let colour = reader.u8(25)
        else { throw .corrupt("its first chunk is not IHDR") }
        try limits.check(width: width, height: height)
        let depths: [Int: [Int]] = [0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]]
        guard depths[colour]?.contains(depth) == true else {
            throw .corrupt("colour type \(colour) with \(depth) bits a sample")
        }
        var header = PictureHeader(width: width, height: height)
        // Rows of all passes, and then the picture; colours of 16 bits are halved as they are read.
        let samples = [0: depth, 2: 24, 3: depth, 4: 32, 6: 32][colour] ?? 32
        header.cost = .init(working: samples, handed: samples == 24 ? 32 : samples)
        // The decoder gets the chunks that make the pixels and no others: text and profiles cannot trouble it.
        var essential = Array(reader.bytes[..<8])
        var data = 0
        var position = 8
        while let length = reader.u32(position, .big), position + 12 <= reader.count {
            let body = position + 8
            let end = body + length + 4
            guard length <= reader.count - body - 4 else {
                throw .truncated("the chunk at byte \(position) goes past the end of the file")
            }
            let name = String(decoding: reader.bytes[position + 4..<body], as: UTF8.self)
            if ["IHDR", "PLTE", "IDAT", "IEND"].contains(name) || name == "tRNS" && colour == 3 {
                essential += reader.bytes[position..<end]
            }
            if name == "IDAT" {
                data += length
            } else if name == "tRNS", colour == 3 {
                header.cost.handed = 32
            } else if name == "tRNS", depth <= 8, let key = key(reader, at: body, colour: colour, depth: depth) {
                header.transparency = .colour(key)
            } else if name == "eXIf" {
                header.orientation = EXIFOrientation.read(reader, at: body, length: length)
            } else if name == "acTL", data == 0, let frames = reader.u32(body, .big) {
                header.pages = max(1, frames)
            } else if name == "IEND" {
                guard data > 0 else { throw .corrupt("no picture data (IDAT)") }
                let channels = [2: 3, 4: 2, 6: 4][colour] ?? 1
                let raw = (width * channels * depth + 7) / 8 * height
                // Deflate makes at most 1032 bytes of one.
                guard raw / 1032 <= data else {
                    throw .truncated("\(data) bytes of data cannot be \(width)×\(height) pixels")
                }
                header.decodable = essential
                return header
            }
            position = end
        }
        throw .truncated("no end chunk (IEND)")
    }

    /// The see-through colour of a picture without a palette, on the scale of eight bits.
    private static func key(_ reader: ByteReader, at body: Int, colour: Int, depth: Int) -> SIMD3<UInt8>? {
        let full = 1 << depth - 1
        func sample(_ index: Int) -> UInt8? {
            reader.u16(body + 2 * index, .big).flatMap { $0 <= full ? UInt8($0 * 255 / full) : nil }
        }
        if colour == 0 { return sample(0).map { SIMD3(repeating: $0) } }
        guard colour == 2, let r = sample(0), let g = sample(1), let b = sample(2) else { return nil }
        return SIMD3(r, g, b)
    }
}
