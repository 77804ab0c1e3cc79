extension WordPattern {
    /// Llama 3's pattern, as its `tokenizer.json` has it.
    static let llama3Text =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"#
        + #"\s+(?!\S)|\s+"#
    /// What GGUF files call it.
    static let llama3Names: Set<String> = ["llama-bpe", "llama3", "llama-v3"]
}

extension WordSplitter {
    /// The end of the word at `start`: the pattern's branches in their order.
    func llama3End(from start: Int) -> Int {
        let (kind, after) = scalar(at: start)
        switch kind {
        case .letter: return run(of: .letter, from: after)
        case .number: return digits(from: after)
        case .end: return start
        case .space, .other: break
        }
        if let end = anyContraction(from: start) { return end }
        let (following, _) = scalar(at: after)
        if !isNewline(start), following == .letter { return run(of: .letter, from: after) }
        if kind == .other || text[start] == UInt8(ascii: " ") && following == .other {
            var end = run(of: .other, from: kind == .other ? start : after)
            while end < text.count, isNewline(end) { end += 1 }
            return end
        }
        return whiteSpace(from: start)
    }

    /// Up to three in all.
    private func digits(from second: Int) -> Int {
        var end = second
        for _ in 0..<2 {
            let (kind, after) = scalar(at: end)
            guard kind == .number else { break }
            end = after
        }
        return end
    }

    /// Up to the last line's end in a run of white space; without one, the whole run at the end of the text, or all but
    /// its last character if something follows, but at least one.
    private func whiteSpace(from start: Int) -> Int {
        var (last, end, newline) = (start, start, start)
        while true {
            let (kind, after) = scalar(at: end)
            if kind != .space {
                if newline > start { return newline }
                return kind == .end || last == start ? end : last
            }
            if isNewline(end) { newline = after }
            (last, end) = (end, after)
        }
    }

    private func isNewline(_ offset: Int) -> Bool { text[offset] == 0x0A || text[offset] == 0x0D }

    /// An apostrophe and s, t, re, ve, m, ll or d in either case; the long s is an s, too.
    private func anyContraction(from start: Int) -> Int? {
        func byte(_ offset: Int) -> UInt8 { start + offset < text.count ? text[start + offset] : 0 }
        func letter(_ offset: Int) -> UInt8 { byte(offset) | 0x20 }
        guard byte(0) == UInt8(ascii: "'") else { return nil }
        if byte(1) == 0xC5, byte(2) == 0xBF { return start + 3 }
        switch (letter(1), letter(2)) {
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
            return start + 2
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 3
        default: return nil
        }
    }
}
