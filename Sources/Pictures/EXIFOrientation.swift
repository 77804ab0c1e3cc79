/// The orientation tag (0x0112) of an EXIF block, as in EXIF 2.3 section 4.6.4: which way up a camera was held.
enum EXIFOrientation {
    /// Reads the tag from a TIFF structure of at most `length` bytes that begins at `start` of `reader`.
    /// - Returns: 1…8; 1 (upright) where the block is malformed or has no such tag.
    static func read(_ reader: ByteReader, at start: Int, length: Int) -> Int {
        guard length >= 8, start >= 0, start <= reader.count - 8 else { return 1 }
        let end = min(start + length, reader.count)
        let order: ByteReader.Order
        if reader.starts("II*\0", at: start) {
            order = .little
        } else if reader.starts("MM\0*", at: start) {
            order = .big
        } else {
            return 1
        }
        guard let offset = reader.u32(start + 4, order), offset >= 8, let entries = reader.u16(start + offset, order)
        else { return 1 }
        for index in 0..<entries {
            let entry = start + offset + 2 + 12 * index
            guard entry + 12 <= end, let tag = reader.u16(entry, order) else { return 1 }
            guard tag == 0x0112 else { continue }
            // SHORT, one value; some writers use LONG.
            guard let type = reader.u16(entry + 2, order), reader.u32(entry + 4, order) == 1 else { return 1 }
            let value = type == 3 ? reader.u16(entry + 8, order) : type == 4 ? reader.u32(entry + 8, order) : nil
            return value.flatMap { (1...8).contains($0) ? $0 : nil } ?? 1
        }
        return 1
    }
}
