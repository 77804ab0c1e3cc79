/// The head of a PNM file (P1…P6) or PAM (P7), as the Netpbm manuals describe it, and where its samples begin.
struct PNMHeader {
    enum Samples { case bits, text, binary }

    var width = 0
    var height = 0
    /// Samples a pixel: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
    var depth = 1
    /// The sample that means full brightness, 1…65535.
    var maximum = 1
    /// P1 and P4 store black as 1.
    var inverted = false
    var samples = Samples.binary
    /// Offset of the first sample.
    var start = 0

    /// Bytes of a row of binary samples.
    var rowBytes: Int { samples == .bits ? (width + 7) / 8 : width * depth * (maximum > 255 ? 2 : 1) }

    static func read(_ reader: ByteReader, limits: PictureLimits) throws(PictureFault) -> PictureHeader {
        let header = try PNMHeader(reader)
        try limits.check(width: header.width, height: header.height)
        let data = reader.count - header.start
        // Written out, a sample takes at least one character.
        let least = header.samples == .text ? header.width * header.height * header.depth : header.rowBytes * header.height
        guard data >= least else {
            throw .truncated("expected at least \(least) bytes of samples, found \(max(0, data))")
        }
        return PictureHeader(width: header.width, height: header.height)
    }

    init(_ reader: ByteReader) throws(PictureFault) {
        let kind = (reader.u8(1) ?? 0) - 0x30
        var position = 2
        if kind == 7 {
            try readPAM(reader, &position)
        } else {
            width = try Self.number(reader, &position, "width")
            height = try Self.number(reader, &position, "height")
            inverted = kind == 1 || kind == 4
            maximum = inverted ? 1 : try Self.number(reader, &position, "maximum")
            depth = kind == 3 || kind == 6 ? 3 : 1
            samples = kind < 4 ? .text : kind == 4 ? .bits : .binary
            start = position + 1
        }
        guard (1...65_535).contains(maximum) else { throw .corrupt("a maximum of \(maximum)") }
        guard (1...4).contains(depth) else { throw .unsupported("\(depth) samples a pixel") }
    }

    /// A decimal number after blanks and comments; `position` is left behind its last digit.
    private static func number(_ reader: ByteReader, _ position: inout Int, _ name: String) throws(PictureFault) -> Int {
        while let byte = reader.u8(position) {
            if byte == 0x23 {
                while let next = reader.u8(position), next != 0x0A, next != 0x0D { position += 1 }
            } else if byte == 0x20 || (0x09...0x0D).contains(byte) {
                position += 1
            } else {
                break
            }
        }
        var value: Int?
        while let byte = reader.u8(position), (0x30...0x39).contains(byte) {
            value = (value ?? 0) * 10 + byte - 0x30
            guard value! <= 1 << 32 else { throw .corrupt("a \(name) over 2^32") }
            position += 1
        }
        guard let value else { throw .corrupt("no \(name) in its header") }
        return value
    }

    private mutating func readPAM(_ reader: ByteReader, _ position: inout Int) throws(PictureFault) {
        while position < min(reader.count, 4096) {
            let end = reader.bytes[position..<min(reader.count, position + 256)].firstIndex(of: 0x0A) ?? position + 256
            guard end < reader.count else { break }
            let line = String(decoding: reader.bytes[position..<end], as: UTF8.self)
            let words = line.split(whereSeparator: \.isWhitespace)
            position = end + 1
            guard let key = words.first, key.first != "#" else { continue }
            let value = words.count > 1 ? Int(words[1]) ?? 0 : 0
            switch key {
            case "WIDTH": width = value
            case "HEIGHT": height = value
            case "DEPTH": depth = value
            case "MAXVAL": maximum = value
            case "ENDHDR":
                start = position
                return
            default: break
            }
        }
        throw .corrupt("no ENDHDR in its header")
    }
}
