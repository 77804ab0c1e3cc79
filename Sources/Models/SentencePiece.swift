/// A SentencePiece BPE model: characters are merged to the piece of the highest score until no two neighbours make one;
/// what is no piece falls back to bytes.
///
/// Source: google/sentencepiece (bpe_model.cc, sentencepiece_processor.cc). Spaces are U+2581 inside pieces; a dummy
/// space may be put before the text. Special tokens written in a text are never recognised, as in the reference:
/// `special` and trust make no difference here.
public struct SentencePiece: Tokenizer {
    public let bos: Int?
    public let eos: Set<Int>
    public var vocabularySize: Int { table.count }

    /// As numbered in the files.
    enum PieceType: Int {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    let table: TokenTable
    let scores: [Float]
    let types: [PieceType]
    let unknown: Int
    /// The piece of each byte; empty without byte fallback.
    let byteIDs: [Int]
    let userDefined: SpecialTokens
    let addsDummyPrefix: Bool
    let longestPiece: Int
    /// What unknown pieces decode to.
    let unknownSurface: String

    static let space: [UInt8] = [0xE2, 0x96, 0x81]

    public func isSpecial(_ id: Int) -> Bool {
        types.indices.contains(id) && (types[id] == .control || types[id] == .unknown)
    }

    public func id(of piece: String) -> Int? {
        let written = piece.utf8.split(separator: 0x20, omittingEmptySubsequences: false).joined(separator: Self.space)
        let bytes = Array(written)
        if let id = table.id(of: bytes) { return id }
        return types.indices.first { isSpecial($0) && table[$0].elementsEqual(bytes) }
    }

    public func bytes(of id: Int) -> [UInt8] {
        guard types.indices.contains(id) else { return [] }
        switch types[id] {
        case .control: return []
        case .unknown: return Array(unknownSurface.utf8)
        case .byte: return byteIDs.firstIndex(of: id).map { [UInt8($0)] } ?? []
        case .normal, .userDefined, .unused: return Self.spaced(table[id])
        }
    }

    public func decode(_ ids: [Int]) -> String {
        var text = ""
        var pending: [UInt8] = []
        var isFirst = true
        for id in ids where types.indices.contains(id) {
            var piece = bytes(of: id)
            // The dummy space is taken back from the first piece only.
            if isFirst, addsDummyPrefix, types[id] != .unknown, types[id] != .byte, piece.first == 0x20 {
                piece.removeFirst()
            }
            if types[id] != .control { isFirst = false }
            if types[id] == .byte {
                pending += piece
            } else {
                text += Self.repaired(pending) + String(decoding: piece, as: UTF8.self)
                pending = []
            }
        }
        return text + Self.repaired(pending)
    }

    public func encode(_ pieces: [PromptPiece]) -> [Int] {
        var text: [UInt8] = []
        for byte in pieces.lazy.flatMap(\.text.utf8) {
            if text.isEmpty, addsDummyPrefix { text += Self.space }
            if byte == 0x20 { text += Self.space } else { text.append(byte) }
        }
        return text.withUnsafeBytes { merged($0) }
    }

    private static func spaced(_ piece: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var at = piece.startIndex
        while at < piece.endIndex {
            let isSpace = piece[at...].starts(with: space)
            result.append(isSpace ? 0x20 : piece[at])
            at += isSpace ? space.count : 1
        }
        return result
    }

    /// Bytes as text; each byte that belongs to no character becomes a U+FFFD of its own.
    private static func repaired(_ bytes: [UInt8]) -> String {
        var text = ""
        var at = 0
        while at < bytes.count {
            let length = UTF8Length.whole(bytes[at...])
            text += length > 0 ? String(decoding: bytes[at..<at + length], as: UTF8.self) : "\u{FFFD}"
            at += max(length, 1)
        }
        return text
    }
}

extension SentencePiece {
    /// A run of bytes of the text: a character at first, then what it has merged with. Merged ones have length 0.
    private struct Symbol {
        var start: Int
        var length: Int
        var previous: Int
        var next: Int
        var isFrozen = false
    }

    private func merged(_ text: UnsafeRawBufferPointer) -> [Int] {
        var symbols = characters(text)
        var heap = MinimumHeap()
        // Of pieces marked unused: where the two they were made of meet. Used only to take them apart again.
        var seams: [Int: Int] = [:]

        func piece(_ left: Int, _ right: Int) -> Int? {
            guard !symbols[left].isFrozen, !symbols[right].isFrozen else { return nil }
            let length = symbols[left].length + symbols[right].length
            guard length <= longestPiece else { return nil }
            let start = symbols[left].start
            return table.id(of: UnsafeRawBufferPointer(rebasing: text[start..<start + length]))
        }
        func offer(_ left: Int, _ right: Int) {
            guard left >= 0, right < symbols.count, let id = piece(left, right) else { return }
            heap.push(Self.order(scores[id]) << 32 | UInt64(left))
            if types[id] == .unused { seams[id] = symbols[left].length }
        }

        for left in symbols.indices { offer(left, left + 1) }
        while let entry = heap.pop() {
            let left = Int(entry & 0xFFFF_FFFF)
            let right = symbols[left].next
            // If these two do not make a piece of that score, the entry is stale.
            guard symbols[left].length > 0, right < symbols.count, let id = piece(left, right),
                Self.order(scores[id]) == entry >> 32
            else { continue }
            symbols[left].length += symbols[right].length
            symbols[left].next = symbols[right].next
            symbols[right].length = 0
            if symbols[left].next < symbols.count { symbols[symbols[left].next].previous = left }
            offer(symbols[left].previous, left)
            offer(left, symbols[left].next)
        }
        var ids: [Int] = []
        for symbol in symbols where symbol.length > 0 {
            append(UnsafeRawBufferPointer(rebasing: text[symbol.start..<symbol.start + symbol.length]), seams, to: &ids)
        }
        return ids
    }

    /// Characters, and user-defined pieces whole.
    private func characters(_ text: UnsafeRawBufferPointer) -> [Symbol] {
        var symbols: [Symbol] = []
        var at = 0
        while at < text.count {
            let match = userDefined.match(text, at: at, end: text.count)
            let lead = text[at]
            let end = match?.end ?? min(at + (lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4), text.count)
            symbols.append(
                Symbol(
                    start: at, length: end - at, previous: symbols.count - 1, next: symbols.count + 1, isFrozen: match != nil))
            at = end
        }
        return symbols
    }

    private func append(_ text: UnsafeRawBufferPointer, _ seams: [Int: Int], to ids: inout [Int]) {
        // Each part is shorter than the whole, so this ends.
        var open = [text]
        while let part = open.popLast() {
            let id = table.id(of: part)
            if let id, types[id] == .unused, let seam = seams[id], seam > 0, seam < part.count {
                open.append(UnsafeRawBufferPointer(rebasing: part[seam...]))
                open.append(UnsafeRawBufferPointer(rebasing: part[..<seam]))
            } else if let id {
                ids.append(id)
            } else if !byteIDs.isEmpty {
                for byte in part { ids.append(byteIDs[Int(byte)]) }
            } else if ids.last != unknown {
                // A run of unknown pieces is one.
                ids.append(unknown)
            }
        }
    }

    /// A number that is smaller the higher the score is.
    private static func order(_ score: Float) -> UInt64 {
        let bits = (score + 0).bitPattern
        return UInt64(bits >> 31 == 0 ? 0x7FFF_FFFF - bits : bits)
    }
}
