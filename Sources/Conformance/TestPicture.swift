import Crypto
import Glibc

/// A picture that is shown to the worker: a file, and how large it is.
struct TestPicture: Sendable {
    let path: String
    let bytes: [UInt8]
    let extent: Extent
    var sha256: [UInt8] { Array(SHA256.hash(data: bytes)) }

    /// A word that is read in any font, as 7 rows of dots.
    private static let word = [
        "#.....#.#####.#####",
        "#.....#.#.....#....",
        "#.....#.#.....#....",
        "#.....#.####..####.",
        "#.....#.#.....#....",
        "#.....#.#.....#....",
        "#####.#.#.....#####",
    ]

    /// Writes the picture of a word on white, which any worker can decode: PNG, eight bits, three colours.
    static func drawn(at path: String) throws -> TestPicture {
        let (scale, margin) = (8, 40)
        let dots = word.map { Array($0.utf8) }
        let extent = Extent(width: 2 * margin + dots[0].count * scale, height: 2 * margin + dots.count * scale)
        var pixels = [UInt8](repeating: 255, count: extent.width * extent.height * 3)
        for y in margin..<extent.height - margin {
            for x in margin..<extent.width - margin {
                guard dots[(y - margin) / scale][(x - margin) / scale] == UInt8(ascii: "#") else { continue }
                let start = (y * extent.width + x) * 3
                for byte in start..<start + 3 { pixels[byte] = 20 }
            }
        }
        let bytes = PNG.encode(pixels, extent)
        try write(bytes, to: path)
        return TestPicture(path: path, bytes: bytes, extent: extent)
    }

    /// A PNG of the user's.
    static func read(_ path: String) throws -> TestPicture {
        guard let file = fopen(path, "rb") else {
            throw ConformanceError.picture("\(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        guard let extent = PNG.extent(of: bytes) else {
            throw ConformanceError.picture("\(path): expected a PNG file, whose size in pixels is in its head")
        }
        guard let resolved = realpath(path, nil) else { throw ConformanceError.picture("\(path): cannot be resolved") }
        defer { free(resolved) }
        return TestPicture(path: String(cString: resolved), bytes: bytes, extent: extent)
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "wb") else {
            throw ConformanceError.picture("\(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
            throw ConformanceError.picture("\(path): cannot be written")
        }
    }
}

/// The little of PNG (ISO/IEC 15948) that a test picture needs: no compression, no filters.
enum PNG {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// - Parameter pixels: [height, width, 3].
    static func encode(_ pixels: [UInt8], _ extent: Extent) -> [UInt8] {
        var rows: [UInt8] = []
        for row in 0..<extent.height {
            let start = row * extent.width * 3
            rows += [0] + pixels[start..<start + extent.width * 3]
        }
        var stream: [UInt8] = [0x78, 0x01]
        var at = 0
        while at < rows.count {
            let count = min(65535, rows.count - at)
            let length = [UInt8(count & 0xFF), UInt8(count >> 8)]
            stream += [at + count == rows.count ? 1 : 0] + length + length.map { ~$0 } + rows[at..<at + count]
            at += count
        }
        stream += word(adler(rows))
        let head = word(UInt32(extent.width)) + word(UInt32(extent.height)) + [8, 2, 0, 0, 0]
        return signature + chunk("IHDR", head) + chunk("IDAT", stream) + chunk("IEND", [])
    }

    /// Nil if these bytes do not begin as a PNG does.
    static func extent(of bytes: [UInt8]) -> Extent? {
        guard bytes.count >= 33, bytes.starts(with: signature), Array(bytes[12..<16]) == Array("IHDR".utf8) else {
            return nil
        }
        func number(_ at: Int) -> Int { bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
        return Extent(width: number(16), height: number(20))
    }

    private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + content
        return word(UInt32(content.count)) + body + word(crc(body))
    }

    private static func word(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
    }

    private static func crc(_ bytes: [UInt8]) -> UInt32 {
        var sum: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return ~sum
    }

    private static func adler(_ bytes: [UInt8]) -> UInt32 {
        var (a, b) = (UInt32(1), UInt32(0))
        for byte in bytes {
            a = (a + UInt32(byte)) % 65521
            b = (b + a) % 65521
        }
        return b << 16 | a
    }
}
