/// A picture format that we decode; told by a file's first bytes, never by its name.
public enum PictureFormat: String, Sendable, CaseIterable {
    case jpeg, png, tiff, webp, gif, bmp, pnm

    /// The name as people write it.
    public var title: String { self == .webp ? "WebP" : rawValue.uppercased() }

    static let list = allCases.map(\.title).joined(separator: ", ")

    /// The format that `bytes` begin like, or nil.
    public init?(sniffing bytes: [UInt8]) {
        let reader = ByteReader(bytes)
        if reader.starts([0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if reader.starts([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if reader.starts("II*\0") || reader.starts("MM\0*") || reader.starts("II+\0") || reader.starts("MM\0+") {
            self = .tiff
        } else if reader.starts("RIFF"), reader.starts("WEBP", at: 8) {
            self = .webp
        } else if reader.starts("GIF87a") || reader.starts("GIF89a") {
            self = .gif
        } else if reader.starts("BM"), (12...256).contains(reader.u32(14, .little) ?? 0) {
            self = .bmp
        } else if bytes.count > 2, bytes[0] == UInt8(ascii: "P"), (0x31...0x37).contains(bytes[1]),
            [0x20, 0x09, 0x0A, 0x0D, 0x23].contains(bytes[2])
        {
            self = .pnm
        } else {
            return nil
        }
    }

    /// Names a picture format that we know of and cannot decode, or nil.
    static func foreign(_ bytes: [UInt8]) -> String? {
        let reader = ByteReader(bytes)
        if reader.starts("ftyp", at: 4) {
            let brands = [
                "heic": "HEIC", "heix": "HEIC", "heim": "HEIC", "hevc": "HEIC", "mif1": "HEIF", "msf1": "HEIF",
                "avif": "AVIF", "avis": "AVIF", "crx ": "Canon CR3",
            ]
            let brand = String(decoding: bytes.dropFirst(8).prefix(4), as: UTF8.self)
            return brands[brand]
        }
        let known: [(String, [UInt8])] = [
            ("JPEG 2000", [0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20]), ("JPEG 2000", [0xFF, 0x4F, 0xFF, 0x51]),
            ("JPEG XL", [0xFF, 0x0A]), ("JPEG XL", [0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20]),
            ("Photoshop", Array("8BPS".utf8)), ("OpenEXR", [0x76, 0x2F, 0x31, 0x01]),
            ("Windows icon", [0, 0, 1, 0]), ("Windows cursor", [0, 0, 2, 0]), ("QOI", Array("qoif".utf8)),
            ("DirectDraw Surface", Array("DDS ".utf8)), ("Radiance HDR", Array("#?RADIANCE".utf8)),
            ("DjVu", Array("AT&TFORM".utf8)), ("Apple icon", Array("icns".utf8)), ("SVG", Array("<svg".utf8)),
            ("PFM", Array("PF\n".utf8)), ("PFM", Array("Pf\n".utf8)), ("SGI", [0x01, 0xDA, 0, 1]),
        ]
        return known.first { reader.starts($0.1) }?.0
    }

    /// Says what bytes that are no picture look like, for a person.
    static func describe(_ bytes: [UInt8]) -> String {
        let reader = ByteReader(bytes)
        let known: [(String, [UInt8])] = [
            ("a PDF document", Array("%PDF-".utf8)), ("PostScript", Array("%!PS".utf8)),
            ("a ZIP archive or office document", [0x50, 0x4B, 0x03, 0x04]), ("a gzip file", [0x1F, 0x8B]),
            ("a program", [0x7F, 0x45, 0x4C, 0x46]), ("a RIFF file that is not WebP", Array("RIFF".utf8)),
            ("a SQLite database", Array("SQLite format 3".utf8)), ("an HTML page", Array("<!DOCTYPE html".utf8)),
            ("an HTML page", Array("<html".utf8)), ("XML", Array("<?xml".utf8)), ("an MP3 file", Array("ID3".utf8)),
            ("a Matroska film", [0x1A, 0x45, 0xDF, 0xA3]), ("an Ogg file", Array("OggS".utf8)),
        ]
        if let name = known.first(where: { reader.starts($0.1) })?.0 { return name }
        if reader.starts("ftyp", at: 4) { return "an MP4 or QuickTime film" }
        let head = bytes.prefix(512)
        if head.allSatisfy({ $0 == 0 }) { return "only zero bytes" }
        if head.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || [0x09, 0x0A, 0x0C, 0x0D].contains($0) }) { return "text" }
        let start = bytes.prefix(8).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        return "bytes \(start.joined(separator: " "))"
    }
}
