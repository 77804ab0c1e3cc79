/// What a file is by its first bytes. Names lie; these seldom do.
enum Signature: Equatable {
    case picture(String)
    /// Formats that are pictures but that no decoder here reads.
    case picturesWithoutDecoder(String)
    case other(String)

    /// At least 32 bytes of head, or the whole file if it is shorter.
    static func of(_ head: ArraySlice<UInt8>) -> Signature {
        func starts(_ bytes: [UInt8], at offset: Int = 0) -> Bool { head.dropFirst(offset).starts(with: bytes) }
        func starts(_ text: String, at offset: Int = 0) -> Bool { starts(Array(text.utf8), at: offset) }

        if starts([0xFF, 0xD8, 0xFF]) { return .picture("jpeg") }
        if starts([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .picture("png") }
        if starts("GIF87a") || starts("GIF89a") { return .picture("gif") }
        if starts("II*\0") || starts("MM\0*") || starts("II+\0") || starts("MM\0+") { return .picture("tiff") }
        if starts("RIFF"), starts("WEBP", at: 8) { return .picture("webp") }
        if starts("BM"), isBitmapHeader(head) { return .picture("bmp") }
        if let first = head.first, first == UInt8(ascii: "P"), let kind = head.dropFirst().first,
            (UInt8(ascii: "1")...UInt8(ascii: "7")).contains(kind), let space = head.dropFirst(2).first,
            [0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: "#")].contains(space)
        {
            return .picture("pnm")
        }
        if let format = withoutDecoder.first(where: { starts($0.bytes, at: $0.offset) })?.format {
            return .picturesWithoutDecoder(format)
        }
        if starts("ftyp", at: 4) { return .other("a video or audio file") }
        if starts("%PDF") { return .other("a PDF document") }
        if starts([0x50, 0x4B, 3, 4]) { return .other("a zip archive") }
        let isText = head.allSatisfy { $0 >= 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        return .other(isText ? "text" : "unknown first bytes \(hex(head.prefix(8)))")
    }

    private static let withoutDecoder: [(format: String, bytes: [UInt8], offset: Int)] = {
        let brands = ["heic", "heix", "heim", "hevc", "mif1", "msf1"].map { ("HEIF", "ftyp\($0)", 4) }
        let words: [(String, String, Int)] = [
            ("AVIF", "ftypavif", 4), ("AVIF", "ftypavis", 4), ("Canon CR3", "ftypcrx ", 4), ("JPEG XL", "JXL ", 4),
            ("JPEG 2000", "jP  ", 4), ("Photoshop", "8BPS", 0), ("QOI", "qoif", 0), ("DirectDraw Surface", "DDS ", 0),
            ("Radiance HDR", "#?RADIANCE", 0), ("DjVu", "AT&TFORM", 0), ("Apple icon", "icns", 0),
        ]
        let numbers: [(String, [UInt8], Int)] = [
            ("JPEG XL", [0xFF, 0x0A], 0), ("JPEG 2000", [0xFF, 0x4F, 0xFF, 0x51], 0),
            ("OpenEXR", [0x76, 0x2F, 0x31, 0x01], 0), ("Windows icon", [0, 0, 1, 0], 0),
            ("Windows cursor", [0, 0, 2, 0], 0),
            ("SGI", [0x01, 0xDA, 0, 1], 0),
        ]
        return (brands + words).map { ($0.0, Array($0.1.utf8), $0.2) } + numbers
    }()

    /// "BM" alone also begins many a text: the header's size must be one that exists.
    private static func isBitmapHeader(_ head: ArraySlice<UInt8>) -> Bool {
        let bytes = Array(head.prefix(18))
        guard bytes.count == 18 else { return false }
        return [12, 16, 40, 52, 56, 64, 108, 124].contains(bytes[14]) && bytes[15...17].allSatisfy { $0 == 0 }
    }
}

/// Lower-case hexadecimal digits.
func hex(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes {
        text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return text
}
