/// Samples of a PNM or PAM file to RGB.
final class PNMDecoder {
    private let bytes: [UInt8]
    private let header: PNMHeader
    private var position: Int
    private var samples: [Int]
    private var fault: PictureFault?

    /// - Returns: [height, width, 3], each side divided by `step`
    static func decode(_ bytes: [UInt8], step: Int = 1) throws(PictureFault) -> [UInt8] {
        let decoder = PNMDecoder(bytes, try PNMHeader(ByteReader(bytes)))
        let rows = ReducedRows(
            width: decoder.header.width, height: decoder.header.height, step: step, row: decoder.row)
        let rgb = rows.upright()
        if let fault = decoder.fault { throw fault }
        return rgb
    }

    private init(_ bytes: [UInt8], _ header: PNMHeader) {
        self.bytes = bytes
        self.header = header
        position = header.start
        samples = [Int](repeating: 0, count: header.width * header.depth)
    }

    /// The next row: written numbers have no place of their own, so rows are read in order.
    private func row(_: Int, into rgb: UnsafeMutablePointer<UInt8>) {
        switch header.samples {
        case .bits:
            for x in samples.indices { samples[x] = Int(bytes[position + x >> 3]) >> (7 - x & 7) & 1 }
            position += header.rowBytes
        case .binary where header.maximum > 255:
            for x in samples.indices {
                samples[x] = Int(bytes[position + 2 * x]) << 8 | Int(bytes[position + 2 * x + 1])
            }
            position += header.rowBytes
        case .binary:
            for x in samples.indices { samples[x] = Int(bytes[position + x]) }
            position += header.rowBytes
        case .text:
            for x in samples.indices where fault == nil {
                do throws(PictureFault) {
                    samples[x] = try Self.textSample(bytes, &position, digit: header.inverted)
                } catch {
                    fault = error
                }
            }
        }
        write(to: rgb)
    }

    private func write(to rgb: UnsafeMutablePointer<UInt8>) {
        let (maximum, inverted, depth) = (header.maximum, header.inverted, header.depth)
        func scaled(_ sample: Int) -> Int {
            let value = (min(sample, maximum) * 255 + maximum / 2) / maximum
            return inverted ? 255 - value : value
        }
        for x in 0..<header.width {
            let first = x * depth
            let alpha = depth & 1 == 0 ? scaled(samples[first + depth - 1]) : 255
            for channel in 0..<3 {
                rgb[3 * x + channel] = overWhite(scaled(samples[first + (depth < 3 ? 0 : channel)]), alpha: alpha)
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
