/// WebP's chunks (RFC 9649): size, EXIF orientation, and the first frame of an animation as a still file of its own,
/// because the decoder takes no animations.
enum WebPHeader {
    private static let animation = 0x02

    static func read(_ reader: ByteReader, limits: PictureLimits) throws(PictureFault) -> PictureHeader {
        guard let riff = reader.u32(4, .little), reader.count >= 20 else {
            throw .truncated("\(reader.count) bytes are fewer than its header")
        }
        guard riff + 8 <= reader.count else {
            throw .truncated("its header says \(riff + 8) bytes, the file has \(reader.count)")
        }
        let end = riff + 8
        var canvas: (width: Int, height: Int)?
        var animated = false
        var header: PictureHeader?
        var orientation = 1
        var frames = 0
        for chunk in try chunks(reader, from: 12, to: end) {
            switch chunk.name {
            case "VP8X":
                guard chunk.size >= 10, let flags = reader.u8(chunk.body), let w = reader.u24(chunk.body + 4, .little),
                    let h = reader.u24(chunk.body + 7, .little)
                else { throw .corrupt("a VP8X chunk of \(chunk.size) bytes") }
                canvas = (w + 1, h + 1)
                try limits.check(width: w + 1, height: h + 1)
                animated = flags & animation != 0
            case "VP8 " where !animated && header == nil, "VP8L" where !animated && header == nil:
                let (width, height) = try bitstream(reader, chunk)
                try limits.check(width: width, height: height)
                if let canvas, canvas != (width, height) {
                    throw .corrupt("a canvas of \(canvas) with a picture of \((width, height))")
                }
                header = PictureHeader(width: width, height: height)
                header?.cost = cost(chunk)
            case "ANMF" where animated:
                frames += 1
                if header == nil, let canvas {
                    header = try frame(reader, chunk, canvas: canvas, limits: limits)
                }
            case "EXIF":
                let skip = reader.starts("Exif\0\0", at: chunk.body) ? 6 : 0
                orientation = EXIFOrientation.read(reader, at: chunk.body + skip, length: chunk.size - skip)
            default: break
            }
        }
        guard var header else { throw .corrupt(animated ? "an animation without frames" : "no picture chunk") }
        header.orientation = orientation
        header.pages = max(1, frames)
        return header
    }

    private struct Chunk {
        let name: String
        let start, body, size: Int
        /// Behind the chunk and its padding.
        var end: Int { body + size + size & 1 }
    }

    private static func chunks(_ reader: ByteReader, from start: Int, to end: Int) throws(PictureFault) -> [Chunk] {
        var chunks: [Chunk] = []
        var position = start
        while position + 8 <= end, let size = reader.u32(position + 4, .little) {
            guard size <= end - position - 8 else {
                throw .truncated("the chunk at byte \(position) goes past the end")
            }
            let name = String(decoding: reader.bytes[position..<position + 4], as: UTF8.self)
            chunks.append(Chunk(name: name, start: position, body: position + 8, size: size))
            position = chunks[chunks.count - 1].end
        }
        return chunks
    }

    /// A lossless picture is made in a buffer of the decoder's; of a lossy one, it needs some rows, and its alpha.
    private static func cost(_ chunk: Chunk) -> PictureHeader.Cost {
        .init(working: chunk.name == "VP8L" ? 36 : 16, handed: 32)
    }

    private static func bitstream(_ reader: ByteReader, _ chunk: Chunk) throws(PictureFault) -> (Int, Int) {
        if chunk.name == "VP8L" {
            guard chunk.size >= 5, reader.u8(chunk.body) == 0x2F, let bits = reader.u32(chunk.body + 1, .little) else {
                throw .corrupt("a VP8L chunk without its signature")
            }
            return (bits & 0x3FFF + 1, bits >> 14 & 0x3FFF + 1)
        }
        guard chunk.size >= 10, reader.starts([0x9D, 0x01, 0x2A], at: chunk.body + 3),
            let width = reader.u16(chunk.body + 6, .little), let height = reader.u16(chunk.body + 8, .little)
        else { throw .corrupt("a VP8 chunk without its start code") }
        return (width & 0x3FFF, height & 0x3FFF)
    }

    private static func frame(
        _ reader: ByteReader, _ chunk: Chunk, canvas: (width: Int, height: Int), limits: PictureLimits
    ) throws(PictureFault) -> PictureHeader {
        guard chunk.size >= 16, let x = reader.u24(chunk.body, .little), let y = reader.u24(chunk.body + 3, .little)
        else { throw .corrupt("an ANMF chunk of \(chunk.size) bytes") }
        let parts = try chunks(reader, from: chunk.body + 16, to: chunk.body + chunk.size)
        guard let picture = parts.first(where: { $0.name == "VP8 " || $0.name == "VP8L" }) else {
            throw .corrupt("an animation frame without a picture")
        }
        let (width, height) = try bitstream(reader, picture)
        try limits.check(width: width, height: height)
        let place = PictureHeader.Frame(x: 2 * x, y: 2 * y, width: width, height: height)
        guard place.x + width <= canvas.width, place.y + height <= canvas.height else {
            throw .corrupt("an animation frame outside its canvas")
        }
        var body: [UInt8] = []
        if let alpha = parts.first(where: { $0.name == "ALPH" }), picture.name == "VP8 " {
            body += Array("VP8X".utf8) + little(10, bytes: 4) + [0x10, 0, 0, 0]
            body += little(width - 1, bytes: 3) + little(height - 1, bytes: 3)
            body += whole(reader, alpha)
        }
        body += whole(reader, picture)
        var header = PictureHeader(width: canvas.width, height: canvas.height, frame: place)
        header.cost = cost(picture)
        header.decodable = Array("RIFF".utf8) + little(body.count + 4, bytes: 4) + Array("WEBP".utf8) + body
        return header
    }

    private static func whole(_ reader: ByteReader, _ chunk: Chunk) -> [UInt8] {
        Array(reader.bytes[chunk.start..<chunk.body + chunk.size]) + (chunk.size & 1 == 1 ? [0] : [])
    }

    private static func little(_ value: Int, bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
