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
