/// Byte-pair encoding over bytes, as of GPT-2: text is split into words by a pattern, each word's bytes are tokens, and
/// the neighbours whose merge has the lowest rank are merged until none is left.
///
/// Source: Radford et al. 2019 (GPT-2), and Hugging Face's tokenizers for where the order of steps shows: special tokens
/// are found first, then the model's pattern applies to each rest (see `WordPattern`).
/// A byte without a token is left out, and nothing merges across it.
public struct ByteLevelBPE: Tokenizer {
    public let bos: Int?
    public let eos: Set<Int>
    public var vocabularySize: Int { table.count }

    let table: TokenTable
    let merges: MergeTable
    /// The token of each byte; -1 where there is none.
    let byteTokens: [Int32]
    /// Recognised in trusted text only.
    let specials: SpecialTokens
    /// Recognised in any text (added tokens that are not special).
    let added: SpecialTokens
    let specialIDs: Set<Int>
    let pattern: WordPattern
    let addsPrefixSpace: Bool
    /// A word that is itself a token is taken whole, whatever the merges say.
    let ignoresMerges: Bool
    /// Whether every text begins with the begin of sequence.
    let wantsBegin: Bool

    init(
        _ parts: Parts, bos: Int?, eos: Set<Int>, pattern: WordPattern, addsPrefixSpace: Bool = false,
        ignoresMerges: Bool = false, wantsBegin: Bool = false
    ) {
        self.bos = bos
        self.eos = eos
        self.pattern = pattern
        self.addsPrefixSpace = addsPrefixSpace
        self.ignoresMerges = ignoresMerges
        self.wantsBegin = wantsBegin
        (table, merges, specials, added) = (parts.table, parts.merges, parts.specials, parts.added)
        specialIDs = parts.specialIDs
        let table = parts.table
        byteTokens = (0...255).map { table.id(of: [UInt8($0)]).map { Int32($0) } ?? -1 }
    }

    public func isSpecial(_ id: Int) -> Bool { specialIDs.contains(id) }

    public func id(of piece: String) -> Int? {
        let bytes = Array(piece.utf8)
        return specials.id(of: bytes) ?? added.id(of: bytes) ?? table.id(of: bytes)
    }

    public func bytes(of id: Int) -> [UInt8] { (0..<table.count).contains(id) ? Array(table[id]) : [] }

    public func decode(_ ids: [Int]) -> String {
        var bytes: [UInt8] = []
        for id in ids where (0..<table.count).contains(id) { bytes.append(contentsOf: table[id]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    public func encode(_ pieces: [PromptPiece]) -> [Int] {
        var text: [UInt8] = []
        var trusted: [Range<Int>] = []
        for piece in pieces {
            let start = text.count
            text.append(contentsOf: piece.text.utf8)
            guard piece.isTrusted else { continue }
            // Neighbouring trusted pieces are one: a token may span them.
            if trusted.last?.upperBound == start {
                trusted[trusted.count - 1] = trusted[trusted.count - 1].lowerBound..<text.count
            } else {
                trusted.append(start..<text.count)
            }
        }
        var encoding = Encoding(tokenizer: self)
        text.withUnsafeBytes { encoding.encode($0, trusted: trusted) }
        return encoding.ids
    }
}

/// One text being encoded; its scratch space serves all words.
private struct Encoding {
    let tokenizer: ByteLevelBPE
    private(set) var ids: [Int] = []
    private var symbols: [Int32] = []
    private var next: [Int32] = []
    private var previous: [Int32] = []
    private var heap = MinimumHeap()

    init(tokenizer: ByteLevelBPE) { self.tokenizer = tokenizer }

    mutating func encode(_ text: UnsafeRawBufferPointer, trusted: [Range<Int>]) {
        var start = 0
        var at = 0
        var region = 0
        while at < text.count {
            while region < trusted.count, trusted[region].upperBound <= at { region += 1 }
            let isTrusted = region < trusted.count && trusted[region].contains(at)
            let special = isTrusted ? tokenizer.specials.match(text, at: at, end: trusted[region].upperBound) : nil
            guard let match = special ?? tokenizer.added.match(text, at: at, end: text.count) else {
                at += 1
                continue
            }
            plain(UnsafeRawBufferPointer(rebasing: text[start..<at]))
            ids.append(match.id)
            (start, at) = (match.end, match.end)
        }
        plain(UnsafeRawBufferPointer(rebasing: text[start...]))
    }

    private mutating func plain(_ text: UnsafeRawBufferPointer) {
        guard let first = text.first else { return }
        if tokenizer.addsPrefixSpace, first != 0x20 {
            let spaced = [0x20] + Array(text)
            return spaced.withUnsafeBytes { words($0) }
        }
        words(text)
    }

    private mutating func words(_ text: UnsafeRawBufferPointer) {
        var words = WordSplitter(text, tokenizer.pattern)
        while let range = words.next() { word(UnsafeRawBufferPointer(rebasing: text[range])) }
    }

    private mutating func word(_ word: UnsafeRawBufferPointer) {
        if tokenizer.ignoresMerges, let id = tokenizer.table.id(of: word) { return ids.append(id) }
        symbols.removeAll(keepingCapacity: true)
        for byte in word { symbols.append(tokenizer.byteTokens[Int(byte)]) }
        if symbols.count > 1 { merge() }
        for symbol in symbols where symbol >= 0 { ids.append(Int(symbol)) }
    }

    /// Merges `symbols` in place: a linked list, and a heap of (rank, position) whose stale entries are skipped.
    private mutating func merge() {
        let count = Int32(symbols.count)
        next.removeAll(keepingCapacity: true)
        previous.removeAll(keepingCapacity: true)
        heap.removeAll()
        for position in 0..<count {
            next.append(position + 1)
            previous.append(position - 1)
            if position + 1 < count { offer(position, position + 1) }
        }
        while let entry = heap.pop() {
            let left = Int32(truncatingIfNeeded: entry & 0x7FFF_FFFF)
            let right = next[Int(left)]
            // The rank tells the pair: if it is not this pair's any more, the entry is stale.
            guard right < count, let pair = tokenizer.merges.merge(symbols[Int(left)], symbols[Int(right)]),
                pair.rank == entry >> 32
            else { continue }
            symbols[Int(left)] = pair.merged
            symbols[Int(right)] = -1
            let after = next[Int(right)]
            next[Int(left)] = after
            // A merged symbol has no neighbours any more, so entries that begin with it find none.
            next[Int(right)] = count
            if after < count {
                previous[Int(after)] = left
                offer(left, after)
            }
            if previous[Int(left)] >= 0 { offer(previous[Int(left)], left) }
        }
    }

    private mutating func offer(_ left: Int32, _ right: Int32) {
        guard let pair = tokenizer.merges.merge(symbols[Int(left)], symbols[Int(right)]) else { return }
        heap.push(pair.rank << 32 | UInt64(left))
    }
}
