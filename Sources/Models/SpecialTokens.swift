/// Tokens that are found in a text as they are written, before anything else happens to it.
struct SpecialTokens: Sendable {
    private struct Entry {
        let text: [UInt8]
        let id: Int
    }

    /// By first byte; the longest text first.
    private var buckets: [[Entry]] = Array(repeating: [], count: 256)

    mutating func add(_ text: [UInt8], id: Int) {
        guard let first = text.first else { return }
        buckets[Int(first)].append(Entry(text: text, id: id))
        buckets[Int(first)].sort { $0.text.count > $1.text.count }
    }

    /// The longest token that `text` has at `offset` and that ends at or before `end`.
    func match(_ text: UnsafeRawBufferPointer, at offset: Int, end: Int) -> (id: Int, end: Int)? {
        for entry in buckets[Int(text[offset])] where entry.text.count <= end - offset {
            let candidate = UnsafeRawBufferPointer(rebasing: text[offset..<offset + entry.text.count])
            if candidate.elementsEqual(entry.text) { return (entry.id, offset + entry.text.count) }
        }
        return nil
    }

    /// The id of exactly this text.
    func id(of text: [UInt8]) -> Int? {
        text.first.flatMap { first in buckets[Int(first)].first { $0.text == text }?.id }
    }
}
