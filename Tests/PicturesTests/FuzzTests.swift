import Testing

@testable import Pictures

/// Seeded damage to small files of every format: whatever the bytes say, a picture or a typed error, never a crash.
@Suite struct FuzzTests {
    static let rounds = 60

    @Test(arguments: Fixture.names)
    func damaged(name: String) throws {
        let original = try Fixture.bytes(name)
        var random = SeededGenerator(seed: UInt64(name.utf8.reduce(0) { $0 &* 31 &+ Int($1) } & 0xFFFF))
        // A small limit keeps the wildest sizes cheap.
        let limits = PictureLimits(pixels: 1_000_000)
        for _ in 0..<Self.rounds {
            let bytes = Self.mutate(original, &random)
            do {
                let picture = try Picture.load(bytes: bytes, name: name, limits: limits)
                #expect(picture.rgb.count == picture.width * picture.height * 3)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }

    /// Changes a few bytes, a few near the start, cuts a part out, doubles a part, or writes a number's extremes.
    static func mutate(_ original: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &random) where bytes.count > 16 {
            let at = Int.random(in: 0..<bytes.count - 4, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[at] = .random(in: 0...255, using: &random)
            case 1: bytes[at % 64 % bytes.count] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...20, using: &random)))
            case 3: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 12)], at: at)
            case 4:
                let extreme: [UInt8] = [[0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0x7F, 0xFF, 0xFF, 0xFF]].randomElement(
                    using: &random)!
                bytes.replaceSubrange(at..<at + 4, with: extreme)
            default: bytes.removeLast(Int.random(in: 0..<bytes.count / 2, using: &random))
            }
        }
        return bytes
    }
}
