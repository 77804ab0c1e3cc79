enum Name {
    static let rule = "a name of a-z, 0-9, - and _ that begins with a letter, at most 64 characters"

    static func isValid(_ name: String) -> Bool {
        let letters = name.utf8
        guard let first = letters.first, (97...122).contains(first), letters.count <= 64 else { return false }
        return letters.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 }
    }
}
