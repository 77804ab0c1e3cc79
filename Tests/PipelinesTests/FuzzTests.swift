import Testing

@testable import Pipelines

/// Whatever is in a file, reading it ends, and ends in a pipeline or in faults with a place.
@Suite struct FuzzTests {
    private struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    private static let pieces = [
        "&a ", "*a", "? ", "- ", ": ", "!!str ", "!", "|", ">", "{", "}", "[", "]", ",", "\"", "'", "\n", "\r\n", "\t",
        "  ", "---\n", "...\n",
        "%YAML 1.1\n", "%TAG ! x\n", "<<: ", "#", "\0", "\u{FEFF}", "\u{85}", "\u{2028}", "é", "\u{1F600}", "\\", "\\x",
        "\\ud800", "null",
        "~", "1e999", "0x1F", "stages", "expert", "visual", "\u{F0000}", "&", "*", "?", "[[[[[[[[", "k:\n",
        "\"\\u0000\"", "@", "`",
    ]

    @Test(arguments: 0..<8)
    func mutatedFilesAreReadOrRefused(seed: Int) {
        var dice = Dice(state: UInt64(seed))
        for _ in 0..<500 {
            var bytes = Array(describe.utf8)
            for _ in 0..<Int.random(in: 1...6, using: &dice) {
                let at = Int.random(in: 0...bytes.count, using: &dice)
                let end = min(bytes.count, at + Int.random(in: 0...12, using: &dice))
                switch Int.random(in: 0..<5, using: &dice) {
                case 0: bytes.insert(contentsOf: (Self.pieces.randomElement(using: &dice) ?? "").utf8, at: at)
                case 1: bytes.removeSubrange(at..<end)
                case 2: bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &dice))
                case 3: if at < bytes.count { bytes[at] = UInt8.random(in: 0...255, using: &dice) }
                default: bytes.replaceSubrange(at..<end, with: (Self.pieces.randomElement(using: &dice) ?? "").utf8)
                }
            }
            check(String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test(arguments: 0..<4)
    func heapsOfMarksAreReadOrRefused(seed: Int) {
        var dice = Dice(state: 1000 + UInt64(seed))
        for _ in 0..<500 {
            check(
                (0..<Int.random(in: 0...40, using: &dice)).map { _ in Self.pieces.randomElement(using: &dice) ?? "" }
                    .joined())
        }
    }

    private func check(_ yaml: String) {
        do throws(Faults) {
            let pipeline = try Pipeline.read(yaml, file: "p.yaml")
            #expect(!pipeline.stages.isEmpty && Name.isValid(pipeline.name))
            _ = try pipeline.bound(to: BuiltInExperts.descriptions(for: pipeline))
        } catch {
            #expect(!error.faults.isEmpty)
            for fault in error.faults {
                #expect(fault.line ?? 0 > 0 && fault.column ?? 0 > 0, "\(fault) in \(yaml.debugDescription)")
                let isOneLine = !fault.description.unicodeScalars.contains {
                    $0.value < 32 || $0 == "\u{2028}" || $0 == "\u{85}"
                }
                #expect(isOneLine, "\(fault)")
            }
        }
    }
}
