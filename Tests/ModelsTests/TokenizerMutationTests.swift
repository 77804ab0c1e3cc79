import Checkpoints
import Golden
import Testing

@testable import Models

/// Thousands of damaged tokenizers, always the same: each is read or refused, none ends the process.
@Suite struct TokenizerMutationTests {
    private func survivors(_ path: String, count: Int, seed: UInt64, open: (String) throws -> any Tokenizer) throws
        -> Int
    {
        let mapping = try MappedFile(path: path)
        let good = withExtendedLifetime(mapping) { Array(mapping.bytes.buffer) }
        let folder = TemporaryFolder()
        var random = SplitMix64(seed: seed)
        var opened = 0
        for _ in 0..<count {
            let bytes = good.damaged(using: &random)
            guard let tokenizer = try? open(folder.write("mutated", bytes)) else { continue }
            opened += 1
            let ids = tokenizer.encode("the and\n ab'll 19 é你好😀 [X]<|im_end|>", special: true)
            for id in ids + [0, 1, tokenizer.vocabularySize - 1] { _ = tokenizer.bytes(of: id) }
            _ = tokenizer.decode(ids.reversed())
        }
        return opened
    }

    @Test func tokenizerJSON() throws {
        let path = TokenizerVector.folder + "tokenizer.json"
        #expect(try survivors(path, count: 1500, seed: 1) { try ByteLevelBPE(tokenizerJSON: $0) } > 0)
    }

    @Test func sentencePiece() throws {
        let path = TokenizerVector.folder + "pieces.model"
        #expect(try survivors(path, count: 3000, seed: 2) { try SentencePiece(model: $0) } > 0)
    }

    @Test func gguf() throws {
        let path = Golden.tiny("language.gguf")
        #expect(try survivors(path, count: 1000, seed: 3) { try GGUF(path: $0).tokenizer() } > 0)
    }
}

extension [UInt8] {
    /// The same with one to three changes: bits, bytes, parts twice, parts left out, an early end.
    func damaged(using random: inout SplitMix64) -> [UInt8] {
        var bytes = self
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.insert(contentsOf: bytes[at..<Swift.min(at + 12, bytes.count)], at: at)
            case 3: bytes.removeSubrange(at..<Swift.min(at + 5, bytes.count))
            default: if Int.random(in: 0..<4, using: &random) == 0 { bytes.removeLast(bytes.count - at) }
            }
        }
        return bytes
    }
}
