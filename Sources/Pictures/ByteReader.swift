/// Bounds-checked reading of the numbers in a file's header: nil past the end, never a trap.
struct ByteReader {
    enum Order { case little, big }

    let bytes: [UInt8]
    var count: Int { bytes.count }

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func u8(_ offset: Int) -> Int? {
        offset >= 0 && offset < bytes.count ? Int(bytes[offset]) : nil
    }

    func u16(_ offset: Int, _ order: Order) -> Int? { number(offset, 2, order) }
    func u24(_ offset: Int, _ order: Order) -> Int? { number(offset, 3, order) }
    func u32(_ offset: Int, _ order: Order) -> Int? { number(offset, 4, order) }

    /// An eight-byte number, or nil where it is over Int's range.
    func u64(_ offset: Int, _ order: Order) -> Int? {
        guard let first = u32(offset, order), let second = u32(offset + 4, order) else { return nil }
        let (high, low) = order == .big ? (first, second) : (second, first)
        return high <= 0x7FFF_FFFF ? high << 32 | low : nil
    }

    func i32(_ offset: Int, _ order: Order) -> Int? {
        u32(offset, order).map { Int(Int32(truncatingIfNeeded: $0)) }
    }

    func starts(_ prefix: [UInt8], at offset: Int = 0) -> Bool {
        offset >= 0 && offset <= bytes.count - prefix.count
            && bytes[offset..<offset + prefix.count].elementsEqual(prefix)
    }

    func starts(_ prefix: String, at offset: Int = 0) -> Bool { starts(Array(prefix.utf8), at: offset) }

    private func number(_ offset: Int, _ size: Int, _ order: Order) -> Int? {
        guard offset >= 0, offset <= bytes.count - size else { return nil }
        var value = 0
        for i in 0..<size {
            value = value << 8 | Int(bytes[offset + (order == .big ? i : size - 1 - i)])
        }
        return value
    }
}
