import Checkpoints
import Glibc
import Golden
import Testing

@testable import Models

/// Byte-level BPE with Llama 3's pattern, against Hugging Face's tokenizers.
@Suite struct Llama3TokenizerTests {
    private let path = TokenizerVector.folder + "llama3.json"

    @Test func wordsAgree() throws {
        let rows = try JSONValue(path: TokenizerVector.folder + "words.json").array ?? []
        #expect(rows.count == 434)
        for row in rows {
            let text = try #require(row.array?.first?.string)
            let expected = row.array?.last?.array?.compactMap(\.string).map { Array($0.utf8) }
            let bytes = Array(text.utf8)
            let words = bytes.withUnsafeBytes { buffer in
                var splitter = WordSplitter(buffer, .llama3)
                var words: [[UInt8]] = []
                while let range = splitter.next() { words.append(Array(buffer[range])) }
                return words
            }
            #expect(words == expected, "words of \(text.debugDescription)")
        }
    }

    @Test func idsAgree() throws {
        let vectors = try TokenizerVector.committed("llama3.json")
        #expect(vectors.count == 134)
        let tokenizer = try ByteLevelBPE(tokenizerJSON: path)
        check(tokenizer, vectors, special: true)
        #expect(tokenizer.ignoresMerges && tokenizer.pattern == .llama3)
        // Its post-processor puts the token before every text.
        #expect(tokenizer.bos == 0 && tokenizer.wantsBegin)
    }

    @Test func anotherPatternIsRefused() throws {
        let json = try Golden.lines(of: path).joined(separator: "\n")
        for (old, new, expected) in [
            ("{1,3}", "{1,2}", "pre_tokenizer.pattern: expected Llama 3's"),
            (#""Isolated""#, #""Removed""#, #"pre_tokenizer.behavior: expected "Isolated", found "Removed""#),
            (#""use_regex": false"#, #""use_regex": true"#, "pre_tokenizer.use_regex: expected false, found true"),
            (#""invert": false"#, #""invert": true"#, "pre_tokenizer.invert: expected false, found true"),
        ] {
            let folder = TemporaryFolder()
            let file = folder.write("tokenizer.json", Array(json.replacing(old, with: new, maxReplacements: 1).utf8))
            #expect {
                _ = try ByteLevelBPE(tokenizerJSON: file)
            } throws: {
                "\($0)".contains(expected)
            }
        }
    }

    /// A GGUF calls the pattern llama-bpe; the begin of sequence goes along.
    @Test func aGGUFSaysTheSame() throws {
        let folder = TemporaryFolder()
        try folder.linkLlama(config: ("", ""), tokenizer: false)
        _ = folder.write("tokenizer.json", Array(try Golden.lines(of: path).joined(separator: "\n").utf8))
        let out = folder.place("out.gguf")
        try LanguageSource(path: folder.path).convert(to: .f16, out: out)
        let (original, converted) = (try LanguageModel(path: folder.path), try LanguageModel(path: out))
        #expect(original.begin == [0] && converted.begin == [0])
        #expect(try GGUF(path: out).metadata["tokenizer.ggml.pre"]?.string == "llama-bpe")
        for vector in try TokenizerVector.committed("llama3.json") {
            #expect(converted.tokenizer.encode(vector.text, special: true) == vector.ids)
        }
    }
}
