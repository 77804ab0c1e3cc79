/// The texts of a vocabulary in one buffer, and their ids by text.
///
/// Workers start often, and a vocabulary has tens of thousands of entries: one buffer and one table of slots are filled
/// in milliseconds where as many strings and dictionary entries are not. Texts are compared by their bytes.
struct TokenTable: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = [0]
    /// Open addressing with linear probing: ids, or -1 for a free slot. At most half are taken.
    private var slots: [Int32] = Array(repeating: -1, count: 16)
    private var indexed = 0

    var count: Int { ends.count - 1 }

    /// Adds the next token; only an indexed one is found by `id(of:)`. Of equal texts the first is found.
    mutating func append(_ text: some Sequence<UInt8>, indexed isIndexed: Bool) {
        bytes.append(contentsOf: text)
        ends.append(bytes.count)
        guard isIndexed else { return }
        if (indexed + 1) * 2 > slots.count { grow() }
        if insert(count - 1) { indexed += 1 }
    }

    /// The bytes of a token.
    subscript(id: Int) -> ArraySlice<UInt8> { bytes[ends[id]..<ends[id + 1]] }

    /// The number of bytes of a token.
    func length(_ id: Int) -> Int { ends[id + 1] - ends[id] }

    /// The indexed token of exactly these bytes.
    func id(of text: UnsafeRawBufferPointer) -> Int? {
        let mask = slots.count - 1
        var slot = Self.hash(text) & mask
        while slots[slot] >= 0 {
            let id = Int(slots[slot])
            if length(id) == text.count, self[id].elementsEqual(text) { return id }
            slot = (slot + 1) & mask
        }
        return nil
    }

    func id(of text: [UInt8]) -> Int? { text.withUnsafeBytes { id(of: $0) } }

    private mutating func insert(_ id: Int) -> Bool {
        let mask = slots.count - 1
        let text = self[id]
        var slot = text.withUnsafeBytes { Self.hash($0) } & mask
        while slots[slot] >= 0 {
            if self[Int(slots[slot])] == text { return false }
            slot = (slot + 1) & mask
        }
        slots[slot] = Int32(id)
        return true
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: -1, count: old.count * 4)
        for id in old where id >= 0 { _ = insert(Int(id)) }
    }

    /// FNV-1a, mixed once more because only the low bits are used.
    private static func hash(_ text: UnsafeRawBufferPointer) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: (hash ^ (hash >> 32)) & 0x7FFF_FFFF)
    }
}

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

/// A binary heap that gives its smallest number first.
struct MinimumHeap {
    private var items: [UInt64] = []

    mutating func removeAll() { items.removeAll(keepingCapacity: true) }

    mutating func push(_ item: UInt64) {
        items.append(item)
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[child] < items[parent] else { return }
            items.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> UInt64? {
        guard let last = items.popLast() else { return nil }
        guard let first = items.first else { return last }
        items[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < items.count else { return first }
            if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
            guard items[child] < items[parent] else { return first }
            items.swapAt(child, parent)
            parent = child
        }
    }
}
