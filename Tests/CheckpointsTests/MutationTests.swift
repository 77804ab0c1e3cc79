import Checkpoints
import Golden
import Testing

/// Thousands of damaged files for each reader, always the same: each is read or refused, none ends the process.
@Suite struct MutationTests {
    private struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
    }

    /// One to four changes: a bit, a byte, a number at the edge of its range, a cut, a repeated or a lost stretch.
    private func mutated(_ bytes: [UInt8], with random: inout Random) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            // Most of what can go wrong is in the header.
            let reach = Bool.random(using: &random) ? min(bytes.count, 1500) : bytes.count
            let at = Int.random(in: 0..<reach, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 2, 3:
                let edges: [UInt64] = [0, 1, 0x7F, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF, .max >> 1, 1 << 63, .max, UInt64(bytes.count)]
                let value = edges.randomElement(using: &random)!
                if at + 8 <= bytes.count, Bool.random(using: &random) {
                    bytes = bytes.with(value, at: at)
                } else if at + 4 <= bytes.count {
                    bytes = bytes.with(UInt32(truncatingIfNeeded: value), at: at)
                }
            case 4: bytes.removeLast(bytes.count - at)
            case 5: bytes.insert(contentsOf: bytes[at..<min(at + 40, bytes.count)], at: at)
            default: bytes.removeSubrange(at..<min(at + Int.random(in: 1...40, using: &random), bytes.count))
            }
        }
        return bytes
    }

    /// Opens mutations of a file and touches everything in those that open; returns how many did.
    private func survivors(_ bytes: [UInt8], count: Int, seed: UInt64, open: (String) throws -> any Checkpoint) -> Int {
        let folder = TemporaryFolder()
        var random = Random(state: seed)
        var opened = 0
        for _ in 0..<count {
            let path = folder.write("mutated", mutated(bytes, with: &random))
            guard let file = try? open(path) else { continue }
            opened += 1
            for name in file.names {
                guard let view = file.view(name) else { continue }
                _ = try? view.matrix()
                _ = try? view.tensor()
            }
            for value in file.metadata.values {
                _ = (value.string, value.int, value.double, value.array?.integers, value.array?.doubles)
                for value in value.array?.values ?? [] { _ = value.array?.values }
                value.array?.forEachString { _ = $0.count }
            }
        }
        return opened
    }

    @Test func gguf() throws {
        let opened = survivors(try Fixture.bytes("types.gguf"), count: 4000, seed: 1) { try GGUF(path: $0) }
        #expect(opened > 0 && opened < 4000)
    }

    @Test func safetensors() throws {
        let opened = survivors(try Fixture.bytes("types.safetensors"), count: 4000, seed: 2) { try Safetensors(path: $0) }
        #expect(opened > 0 && opened < 4000)
    }

    @Test func onnx() throws {
        let opened = survivors(try Fixture.bytes("types.onnx"), count: 4000, seed: 3) { try ONNXInitialisers(path: $0) }
        #expect(opened > 0 && opened < 4000)
    }

    @Test func pytorch() throws {
        for (seed, name) in ["types.pth", "modules.pt"].enumerated() {
            let opened = survivors(try Fixture.bytes(name), count: 4000, seed: UInt64(seed) + 4) {
                try PyTorchArchive(path: $0)
            }
            #expect(opened > 0 && opened < 4000, "\(name)")
        }
    }

    @Test func anyFormat() throws {
        for (seed, name) in ["types.gguf", "types.safetensors", "types.onnx", "types.pth", "modules.pt"].enumerated() {
            _ = survivors(try Fixture.bytes(name), count: 500, seed: UInt64(seed) + 9) { try CheckpointReader.open($0) }
        }
    }
}
