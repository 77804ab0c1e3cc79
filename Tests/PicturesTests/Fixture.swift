import Foundation

@testable import Pictures

/// Test pictures in Tests/Fixtures/pictures; `make.py` there says how they were made.
enum Fixture {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/pictures")
    /// Size of the scene that most of them show.
    static let width = 21
    static let height = 13

    static let names: [String] = {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
        return all.filter { name in [".rgb", ".py", ".bin"].allSatisfy { !name.hasSuffix($0) } }.sorted()
    }()

    static func path(_ name: String) -> String { folder.appending(path: name).path() }

    static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: folder.appending(path: name))) }

    /// The pixels that `name` must give: its own `.rgb` file, or the scene's.
    static func expected(_ name: String) throws -> [UInt8] {
        let own = name.prefix(while: { $0 != "." }) + ".rgb"
        let exists = FileManager.default.fileExists(atPath: path(String(own)))
        return try bytes(exists ? String(own) : "scene.rgb")
    }

    static func largestDifference(_ a: [UInt8], _ b: [UInt8]) -> Int {
        zip(a, b).map { abs(Int($0) - Int($1)) }.max() ?? 0
    }

    /// A picture of noise, always the same for a seed.
    static func noise(width: Int, height: Int, seed: UInt64) -> Picture {
        var random = SeededGenerator(seed: seed)
        return Picture(
            width: width, height: height, rgb: (0..<width * height * 3).map { _ in .random(in: 0...255, using: &random) })
    }
}

/// SplitMix64: the same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
