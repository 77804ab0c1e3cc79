/// JPEG's markers (ITU-T T.81, annex B): size, EXIF orientation, and whether the picture comes to its end.
enum JPEGHeader {
    /// A file of more is not a picture but work: each scan goes over all pixels. Encoders write about ten.
    private static let mostScans = 200

    static func read(_ reader: ByteReader, limits: PictureLimits) throws(PictureFault) -> PictureHeader {
        var header: PictureHeader?
        var orientation: Int?
        var sequential = false
        var components = 0
        var coefficients = 0
        var scans = 0
        var scanned = 0
        var adobe = false
        var position = 2
        while let marker = nextMarker(reader, from: &position) {
            if marker == 0xD9 {  // EOI
                guard scans > 0 else { throw .corrupt("it ends before its first scan") }
                guard var header else { throw .corrupt("no frame header (SOF)") }
                header.orientation = orientation ?? 1
                if components == 4, !adobe { header.decodable = marked(reader.bytes) }
                return header
            }
            if marker == 0x01 || (0xD0...0xD8).contains(marker) { continue }  // without a length
            guard let length = reader.u16(position, .big) else { break }
            guard length >= 2 else { throw .corrupt("segment \(hex(marker)) of length \(length) at byte \(position)") }
            guard position + length <= reader.count else {
                throw .truncated("segment \(hex(marker)) at byte \(position) goes past the end of the file")
            }
            switch marker {
            case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:  // SOFn
                guard header == nil else { throw .corrupt("two frame headers (SOF)") }
                header = try frame(reader, marker: marker, at: position, length: length, limits: limits)
                components = reader.u8(position + 7) ?? 0
                coefficients = coefficientBits(reader, at: position, components: components)
                sequential = marker <= 0xC1
            case 0xE1 where orientation == nil && reader.starts("Exif\0\0", at: position + 2):
                orientation = EXIFOrientation.read(reader, at: position + 8, length: length - 8)
            case 0xEE where reader.starts("Adobe", at: position + 2): adobe = true
            case 0xDA:  // SOS, followed by entropy-coded data up to the next marker
                guard header != nil else { throw .corrupt("a scan before the frame header (SOF)") }
                scans += 1
                guard scans <= mostScans else { throw .corrupt("more than \(mostScans) scans") }
                scanned += reader.u8(position + 2) ?? 0
                // Then the decoder keeps every coefficient until the last scan.
                if !sequential || (reader.u8(position + 2) ?? 0) < components { header?.cost.working = coefficients }
            default: break
            }
            position += length
            if marker == 0xDA { skipEntropyCodedData(reader, from: &position) }
        }
        guard var header else { throw .truncated("it ends before its frame header (SOF)") }
        guard scans > 0 else { throw .truncated("it ends before its first scan") }
        // A picture can be whole without its last two bytes. The decoder's warnings tell, once an end marker is there;
        // in a progressive file they do not, because any number of scans is a picture.
        guard sequential, scanned >= components else { throw .truncated("no end marker (EOI)") }
        header.orientation = orientation ?? 1
        header.decodable = (components == 4 && !adobe ? marked(reader.bytes) : reader.bytes) + [0xFF, 0xD9]
        return header
    }

    /// The file with an Adobe marker that says inverted CMYK. Files without one are stored inverted, too, by every
    /// program that matters; the decoder would mix both readings.
    private static func marked(_ bytes: [UInt8]) -> [UInt8] {
        bytes[..<2] + [0xFF, 0xEE, 0, 14] + Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, 0] + bytes[2...]
    }

    private static func frame(
        _ reader: ByteReader, marker: Int, at position: Int, length: Int, limits: PictureLimits
    ) throws(PictureFault) -> PictureHeader {
        guard length >= 8, let precision = reader.u8(position + 2), let height = reader.u16(position + 3, .big),
            let width = reader.u16(position + 5, .big), let components = reader.u8(position + 7),
            length == 8 + 3 * components
        else { throw .corrupt("a frame header (SOF) of \(length) bytes") }
        guard [0xC0, 0xC1, 0xC2, 0xC9, 0xCA].contains(marker) else {
            throw .unsupported("lossless and hierarchical coding (\(hex(marker))) has no decoder")
        }
        guard precision == 8 else { throw .unsupported("\(precision) bits a sample; 8 can be decoded") }
        guard [1, 3, 4].contains(components) else { throw .unsupported("\(components) colour components") }
        try limits.check(width: width, height: height)
        // Huffman codes take at least one bit for each block of 8×8 samples; arithmetic codes may take less.
        guard marker >= 0xC9 || width * height / 512 <= reader.count else {
            throw .truncated("\(reader.count) bytes cannot be \(width)×\(height) pixels")
        }
        var header = PictureHeader(width: width, height: height)
        header.cost = .init(handed: components == 1 ? 8 : 32, scales: true)
        return header
    }

    /// Bits a pixel of all components' coefficients, 16 each; colours usually have fewer than the pixels.
    private static func coefficientBits(_ reader: ByteReader, at position: Int, components: Int) -> Int {
        let factors = (0..<components).map { reader.u8(position + 9 + 3 * $0) ?? 0x11 }
        let largest = max(1, (factors.map { $0 >> 4 }.max() ?? 1) * (factors.map { $0 & 15 }.max() ?? 1))
        return (16 * factors.reduce(0) { $0 + ($1 >> 4) * ($1 & 15) } + largest - 1) / largest
    }

    /// The next marker at or after `position`, which is left behind it; nil at the end of the file.
    private static func nextMarker(_ reader: ByteReader, from position: inout Int) -> Int? {
        // Stray bytes between segments are skipped, as decoders do.
        while let byte = reader.u8(position) {
            position += 1
            guard byte == 0xFF else { continue }
            while reader.u8(position) == 0xFF { position += 1 }
            guard let marker = reader.u8(position) else { return nil }
            position += 1
            if marker != 0 { return marker }
        }
        return nil
    }

    private static func skipEntropyCodedData(_ reader: ByteReader, from position: inout Int) {
        reader.bytes.withUnsafeBufferPointer { bytes in
            while position < bytes.count - 1 {
                let following = bytes[position + 1]
                if bytes[position] == 0xFF, following != 0, following != 0xFF, !(0xD0...0xD7).contains(following) {
                    return
                }
                position += 1
            }
            position = bytes.count
        }
    }

    private static func hex(_ marker: Int) -> String { "FF" + String(marker, radix: 16, uppercase: true) }
}
