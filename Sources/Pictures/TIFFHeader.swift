/// TIFF's directories (TIFF 6.0 section 2, and BigTIFF): size and orientation of the first page, number of pages, and
/// whether the first page's data lie inside the file.
enum TIFFHeader {
    /// More directories than this are not counted.
    private static let mostPages = 65_536
    /// Of all directories together. Directories may overlap, so the file's size is no bound.
    private static let mostEntries = 1_000_000

    static func read(_ reader: ByteReader, limits: PictureLimits) throws(PictureFault) -> PictureHeader {
        let layout = Layout(reader)
        guard var offset = layout.firstDirectory(reader) else { throw .truncated("no first directory") }
        var first: Directory?
        var pages = 0
        var entries = 0
        var seen: Set<Int> = []
        while offset != 0, seen.insert(offset).inserted, seen.count <= mostPages {
            guard let directory = Directory(reader, layout, at: offset) else {
                if first == nil { throw .truncated("the directory at byte \(offset) goes past the end of the file") }
                throw .truncated("page \(pages + 1)'s directory at byte \(offset) goes past the end of the file")
            }
            entries += directory.count
            guard entries <= mostEntries else { throw .corrupt("more than \(mostEntries) directory entries") }
            // Bit 0 of NewSubfileType: a reduced copy of another page.
            if first == nil || directory.value(254) ?? 0 & 1 == 0 { pages += 1 }
            if first == nil { first = directory }
            offset = directory.next
        }
        guard let first, let width = first.value(256), let height = first.value(257) else {
            throw .corrupt("its first page has no ImageWidth or ImageLength")
        }
        try limits.check(width: width, height: height)
        let samples = first.value(277) ?? 1
        let bits = first.value(258) ?? 1
        guard (1...8).contains(samples) else { throw .unsupported("\(samples) samples a pixel") }
        guard [1, 2, 4, 8, 16].contains(bits), first.value(339) ?? 1 == 1 || first.value(339) == 4 else {
            throw .unsupported("\(bits) bits a sample in sample format \(first.value(339) ?? 1)")
        }
        try checkData(first, reader)
        guard samples == 1 || first.value(284) ?? 1 == 1 else { throw .unsupported("colours in separate planes") }
        var header = PictureHeader(width: width, height: height, pages: pages)
        // Grey comes line by line; colours through a whole raster, with a whole strip beside it.
        let strip =
            first.value(278).map { $0 < height ? samples * bits * $0 / height : samples * bits } ?? samples * bits
        header.cost = samples == 1 ? .init(handed: bits) : .init(working: 32 + strip, handed: 32)
        header.orientation = first.value(274).flatMap { (1...8).contains($0) ? $0 : nil } ?? 1
        // The decoder multiplies the colours of four samples by their alpha, not the grey of two.
        header.transparency = samples == 2 ? .decoded : .premultiplied
        // The decoder's own turning is wrong for some orientations and depths; it gets an upright file.
        if header.orientation != 1 { header.decodable = first.uprightCopy() }
        return header
    }

    private static func checkData(_ page: Directory, _ reader: ByteReader) throws(PictureFault) {
        guard page.entries[324] == nil else { throw .unsupported("tiles have no decoder, strips do") }
        let offsets = page.values(273)
        let counts = page.values(279)
        guard !offsets.isEmpty else { throw .corrupt("its first page has no strips") }
        for (index, offset) in offsets.enumerated() {
            let count = index < counts.count ? counts[index] : 1
            guard offset <= reader.count, count <= reader.count - offset else {
                throw .truncated("strip \(index + 1) of \(offsets.count) goes past the end of the file")
            }
        }
    }

    /// Byte order and the widths that tell BigTIFF (8-byte offsets) from TIFF.
    private struct Layout {
        let order: ByteReader.Order
        let big: Bool

        init(_ reader: ByteReader) {
            order = reader.starts("II") ? .little : .big
            big = reader.u16(2, order) == 43
        }

        func firstDirectory(_ reader: ByteReader) -> Int? { big ? reader.u64(8, order) : reader.u32(4, order) }
    }

    private struct Directory {
        let reader: ByteReader
        let layout: Layout
        /// Byte position of each tag's entry.
        var entries: [Int: Int] = [:]
        let count: Int
        /// Offset of the next directory, 0 at the last.
        let next: Int

        init?(_ reader: ByteReader, _ layout: Layout, at offset: Int) {
            self.reader = reader
            self.layout = layout
            let size = layout.big ? 20 : 12
            let head = layout.big ? 8 : 2
            guard let count = layout.big ? reader.u64(offset, layout.order) : reader.u16(offset, layout.order),
                count <= 65_536, offset + head + count * size <= reader.count
            else { return nil }
            self.count = count
            for index in 0..<count {
                let entry = offset + head + index * size
                guard let tag = reader.u16(entry, layout.order) else { return nil }
                if entries[tag] == nil { entries[tag] = entry }
            }
            let end = offset + head + count * size
            // A last directory may lack its closing zero.
            next = (layout.big ? reader.u64(end, layout.order) : reader.u32(end, layout.order)) ?? 0
        }

        /// The file with orientation 1 in this directory.
        func uprightCopy() -> [UInt8] {
            var bytes = reader.bytes
            guard let entry = entries[274], let type = reader.u16(entry + 2, layout.order) else { return bytes }
            let place = entry + (layout.big ? 12 : 8)
            let size = type == 3 ? 2 : type == 4 ? 4 : 1
            for i in 0..<size { bytes[place + i] = i == (layout.order == .little ? 0 : size - 1) ? 1 : 0 }
            return bytes
        }

        func value(_ tag: Int) -> Int? { values(tag).first }

        /// The whole-number values of a tag; empty where it is absent, of another type or past the end of the file.
        func values(_ tag: Int) -> [Int] {
            guard let entry = entries[tag], let type = reader.u16(entry + 2, layout.order),
                let count = layout.big ? reader.u64(entry + 4, layout.order) : reader.u32(entry + 4, layout.order),
                let size = [1: 1, 3: 2, 4: 4, 16: 8][type], count > 0, count <= reader.count / size
            else { return [] }
            let inline = layout.big ? 8 : 4
            let place = entry + (layout.big ? 12 : 8)
            var start = place
            if count * size > inline {
                guard let far = layout.big ? reader.u64(place, layout.order) : reader.u32(place, layout.order)
                else { return [] }
                start = far
            }
            guard start <= reader.count - count * size else { return [] }
            return (0..<count).compactMap { index in
                switch size {
                case 1: reader.u8(start + index)
                case 2: reader.u16(start + 2 * index, layout.order)
                case 4: reader.u32(start + 4 * index, layout.order)
                default: reader.u64(start + 8 * index, layout.order)
                }
            }
        }
    }
}
