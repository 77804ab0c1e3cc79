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
            (UInt8(ascii: "1")...UInt8(ascii: "6")).contains(kind), let space = head.dropFirst(2).first,
            [0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: "#")].contains(space)
        {
            return .picture("pnm")
        }
        if starts("ftyp", at: 4) {
            if ["heic", "heix", "hevc", "mif1", "msf1"].contains(where: { starts($0, at: 8) }) {
                return .picturesWithoutDecoder("HEIF")
            }
            if starts("avif", at: 8) || starts("avis", at: 8) { return .picturesWithoutDecoder("AVIF") }
            return .other("a video or audio file")
        }
        if starts([0xFF, 0x0A]) || starts("JXL ", at: 4) { return .picturesWithoutDecoder("JPEG XL") }
        if starts("jP  ", at: 4) { return .picturesWithoutDecoder("JPEG 2000") }
        if starts("8BPS") { return .picturesWithoutDecoder("Photoshop") }
        if starts([0, 0, 1, 0]) { return .picturesWithoutDecoder("Windows icon") }
        if starts("%PDF") { return .other("a PDF document") }
        if starts([0x50, 0x4B, 3, 4]) { return .other("a zip archive") }
        let isText = head.allSatisfy { $0 >= 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        return .other(isText ? "text" : "unknown first bytes \(hex(head.prefix(8)))")
    }

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
