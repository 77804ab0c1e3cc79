/// Samples of a PNM or PAM file to RGB.
enum PNMDecoder {
    /// - Returns: [height, width, 3]
    static func decode(_ bytes: [UInt8]) throws(PictureFault) -> [UInt8] {
        let reader = ByteReader(bytes)
        let header = try PNMHeader(reader)
        let perRow = header.width * header.depth
        var row = [Int](repeating: 0, count: perRow)
        var rgb: [UInt8] = []
        rgb.reserveCapacity(header.width * header.height * 3)
        var position = header.start
        for _ in 0..<header.height {
            switch header.samples {
            case .bits:
                for x in 0..<perRow { row[x] = Int(bytes[position + x >> 3]) >> (7 - x & 7) & 1 }
                position += header.rowBytes
            case .binary where header.maximum > 255:
                for x in 0..<perRow { row[x] = Int(bytes[position + 2 * x]) << 8 | Int(bytes[position + 2 * x + 1]) }
                position += header.rowBytes
            case .binary:
                for x in 0..<perRow { row[x] = Int(bytes[position + x]) }
                position += header.rowBytes
            case .text:
                for x in 0..<perRow { row[x] = try textSample(bytes, &position, digit: header.inverted) }
            }
            append(row, header, to: &rgb)
        }
        return rgb
    }

    private static func append(_ row: [Int], _ header: PNMHeader, to rgb: inout [UInt8]) {
        let maximum = header.maximum
        func scaled(_ sample: Int) -> Int {
            let value = (min(sample, maximum) * 255 + maximum / 2) / maximum
            return header.inverted ? 255 - value : value
        }
        for x in stride(from: 0, to: row.count, by: header.depth) {
            let alpha = header.depth & 1 == 0 ? scaled(row[x + header.depth - 1]) : 255
            for channel in 0..<3 {
                rgb.append(overWhite(scaled(row[x + (header.depth < 3 ? 0 : channel)]), alpha: alpha))
            }
        }
    }

    /// The next written number; in P1 a single digit, which need not be set apart from the next.
    private static func textSample(_ bytes: [UInt8], _ position: inout Int, digit: Bool) throws(PictureFault) -> Int {
        var value: Int?
        while position < bytes.count {
            let byte = bytes[position]
            if (0x30...0x39).contains(byte) {
                value = min((value ?? 0) * 10 + Int(byte) - 0x30, 1 << 20)
                position += 1
                if digit { break }
            } else if value != nil {
                break
            } else if byte == 0x23 {
                while position < bytes.count, bytes[position] != 0x0A { position += 1 }
            } else if byte == 0x20 || (0x09...0x0D).contains(byte) {
                position += 1
            } else {
                throw .corrupt("a sample that is no number at byte \(position)")
            }
        }
        guard let value else { throw .truncated("it ends before its last sample") }
        return value
    }
}

/// A channel of opacity `alpha` (0…255) laid over white, rounded to the nearest.
@inline(__always)
func overWhite(_ channel: Int, alpha: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (channel * alpha + 255 * (255 - alpha) + 127) / 255)
}
