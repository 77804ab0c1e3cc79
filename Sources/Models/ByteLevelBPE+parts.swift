extension ByteLevelBPE {
    /// A vocabulary while it is read: the same from every kind of file.
    struct Parts {
        var table = TokenTable()
        var merges = MergeTable(count: 0)
        var specials = SpecialTokens()
        var added = SpecialTokens()
        var specialIDs: Set<Int> = []
        /// Adds the next token, written in GPT-2's alphabet of printable characters.
        mutating func appendNormal(_ written: some Sequence<UInt8>) {
            if let bytes = ByteAlphabet.bytes(written) {
                table.append(bytes, indexed: true)
            } else {
                // A token outside of the alphabet can be decoded but is never made of bytes.
                table.append(written, indexed: false)
            }
        }

        /// Adds the next token, which is recognised in text as it is written.
        mutating func appendAdded(_ written: [UInt8], isSpecial: Bool) {
            let id = table.count
            table.append(written, indexed: false)
            if isSpecial {
                specials.add(written, id: id)
                specialIDs.insert(id)
            } else {
                added.add(written, id: id)
            }
        }

        /// Adds a merge by its parts, written in the alphabet; false if they or what they make are no tokens.
        mutating func merge(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>, rank: Int) -> Bool {
            guard let left = ByteAlphabet.bytes(left), let right = ByteAlphabet.bytes(right),
                let first = table.id(of: left), let second = table.id(of: right), let merged = table.id(of: left + right)
            else { return false }
            merges.add(first, second, rank: rank, merged: merged)
            return true
        }
    }
}

/// GPT-2's alphabet: each byte as a printable character, so that vocabularies can be text files.
enum ByteAlphabet {
    /// By scalar value up to 323: the byte; -1 where none.
    private static let byteOfScalar: [Int16] = {
        var table = [Int16](repeating: -1, count: 324)
        var next = 256
        for byte in 0...255 {
            if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
                table[byte] = Int16(byte)
            } else {
                table[next] = Int16(byte)
                next += 1
            }
        }
        return table
    }()

    /// The bytes that a text in the alphabet stands for; nil if a character is not in it.
    static func bytes(_ written: some Sequence<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var lead: UInt8 = 0
        for unit in written {
            let scalar: Int
            if lead != 0 {
                guard unit & 0xC0 == 0x80 else { return nil }
                scalar = Int(lead & 0x1F) << 6 | Int(unit & 0x3F)
                lead = 0
            } else if unit < 0x80 {
                scalar = Int(unit)
            } else {
                // The alphabet ends below U+0144: two bytes are enough.
                guard unit & 0xE0 == 0xC0 else { return nil }
                lead = unit
                continue
            }
            guard scalar < byteOfScalar.count, byteOfScalar[scalar] >= 0 else { return nil }
            result.append(UInt8(byteOfScalar[scalar]))
        }
        return lead == 0 ? result : nil
    }
}
