package enum NearestName {
    /// The candidate that a person most likely meant: at most two edits away, and no more than half of the word.
    static func of(_ word: String, among candidates: some Sequence<String>) -> String? {
        guard word.unicodeScalars.count <= 64 else { return nil }
        let near = candidates.compactMap { candidate -> (Int, String)? in
            let distance = distance(word, candidate)
            return distance <= 2 && 2 * distance <= max(word.count, candidate.count) ? (distance, candidate) : nil
        }
        return near.min { $0.0 < $1.0 }?.1
    }

    /// `; did you mean "…"?`, or what there is to choose from.
    package static func hint(_ word: String, among candidates: [String], otherwise: String = "known") -> String {
        if let nearest = of(word, among: candidates) { return "; did you mean \"\(nearest)\"?" }
        if candidates.isEmpty { return "" }
        let shown = candidates.prefix(20).joined(separator: ", ")
        return "; \(otherwise): \(shown)" + (candidates.count > 20 ? ", …" : "")
    }

    /// Edits (insert, delete, replace, swap of neighbours) between two words.
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a.lowercased().unicodeScalars)
        let b = Array(b.lowercased().unicodeScalars)
        if abs(a.count - b.count) > 2 { return 3 }
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var before: [Int] = []
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                let same = a[i - 1] == b[j - 1]
                var best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, before[j - 2] + 1) }
                row.append(best)
            }
            (before, last) = (last, row)
        }
        return last[b.count]
    }
}
