import Models

extension [UInt8] {
    /// The same with one to four changes: a bit, a byte, a number at the edge of its range (binary, or in digits), a cut,
    /// a repeated or a lost stretch. Half of them are near the beginning, where headers are.
    func mutated(using random: inout SplitMix64) -> [UInt8] {
        var bytes = self
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let reach = Bool.random(using: &random) ? Swift.min(bytes.count, 1500) : bytes.count
            bytes.change(at: Int.random(in: 0..<reach, using: &random), using: &random)
        }
        return bytes
    }

    private mutating func change(at: Int, using random: inout SplitMix64) {
        switch Int.random(in: 0..<9, using: &random) {
        case 0: self[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: self[at] = UInt8.random(in: 0...255, using: &random)
        case 2, 3:
            let edges: [UInt64] = [0, 1, 0x7F, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF, .max >> 1, 1 << 63, .max, UInt64(count)]
            let value = edges[Int.random(in: 0..<edges.count, using: &random)]
            let width = [1, 2, 4, 8][Int.random(in: 0..<4, using: &random)]
            for i in 0..<Swift.min(width, count - at) { self[at + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * i)) }
        case 4:
            // An early end, not too often: most of a file behind it is then never seen.
            if Int.random(in: 0..<4, using: &random) == 0 { removeLast(count - at) }
        case 5: insert(contentsOf: self[at..<Swift.min(at + Int.random(in: 1...40, using: &random), count)], at: at)
        case 6: removeSubrange(at..<Swift.min(at + Int.random(in: 1...40, using: &random), count))
        case 7:
            // Two stretches of the file change places.
            let other = Int.random(in: 0..<count, using: &random)
            for i in 0..<Swift.min(8, count - Swift.max(at, other)) { swapAt(at + i, other + i) }
        default: changeNumber(after: at, using: &random)
        }
    }

    /// Most of what can be wrong with text is in its numbers.
    private mutating func changeNumber(after at: Int, using random: inout SplitMix64) {
        let isDigit = { (0x30...0x39).contains($0 as UInt8) }
        guard let first = self[at...].firstIndex(where: isDigit) else { return }
        let end = self[first...].firstIndex { !isDigit($0) } ?? count
        let numbers = [
            "0", "1", "2", "7", "-1", "0.5", "65536", "4294967296", "1e300", "-1e-300", "9223372036854775807",
            "18446744073709551616", "null", "[]", "{}", "\"\"", "true",
        ]
        replaceSubrange(first..<end, with: Array(numbers[Int.random(in: 0..<numbers.count, using: &random)].utf8))
    }
}
