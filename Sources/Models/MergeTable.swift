/// Pairs of tokens that merge into one: by pair, the rank and the merged token.
struct MergeTable: Sendable {
    private var keys: [UInt64]
    private var values: [UInt64]

    /// A table for at most `count` merges.
    init(count: Int) {
        var size = 16
        while size < count * 2 { size *= 2 }
        keys = Array(repeating: .max, count: size)
        values = Array(repeating: 0, count: size)
    }

    /// Adds a merge unless the pair has one; ids and rank fit in 31 bits.
    mutating func add(_ left: Int, _ right: Int, rank: Int, merged: Int) {
        let key = UInt64(left) << 32 | UInt64(right)
        let slot = slot(key)
        guard keys[slot] == .max else { return }
        keys[slot] = key
        values[slot] = UInt64(rank) << 32 | UInt64(merged)
    }

    /// The merge of two tokens; nil if there is none or one is -1, a byte without a token.
    func merge(_ left: Int32, _ right: Int32) -> (rank: UInt64, merged: Int32)? {
        guard left >= 0, right >= 0 else { return nil }
        let slot = slot(UInt64(left) << 32 | UInt64(right))
        return keys[slot] == .max ? nil : (values[slot] >> 32, Int32(truncatingIfNeeded: values[slot] & 0x7FFF_FFFF))
    }

    private func slot(_ key: UInt64) -> Int {
        let mask = keys.count - 1
        // A multiplication by 2⁶⁴/φ spreads the pairs; its high bits are the good ones.
        var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 33) & mask
        while keys[slot] != .max, keys[slot] != key { slot = (slot + 1) & mask }
        return slot
    }
}
