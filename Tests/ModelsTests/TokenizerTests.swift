import Checkpoints
import Golden
import Testing

@testable import Models

/// A text, and what a reference makes of it.
struct TokenizerVector: Sendable {
    let text: String
    let ids: [Int]
    let decoded: String

    init?(_ row: JSONValue, text: String) {
        guard let ids = row["ids"]?.array?.compactMap(\.int), let decoded = row["decoded"]?.string else { return nil }
        (self.text, self.ids, self.decoded) = (text, ids, decoded)
    }

    /// The vectors of a file of fixtures/tokenizer.
    static func shared(_ name: String) throws -> [TokenizerVector] {
        let path = try #require(Golden.fixture("tokenizer/" + name))
        let rows = try JSONValue(path: path).array ?? []
        return rows.compactMap { TokenizerVector($0, text: $0["text"]?.string ?? "") }
    }

    /// The vectors of Tests/Fixtures/tokenizer for one of the tokenizers there.
    static func committed(_ name: String) throws -> [TokenizerVector] {
        let rows = try JSONValue(path: folder + "vectors.json").array ?? []
        return rows.compactMap { row in row[name].flatMap { TokenizerVector($0, text: row["text"]?.string ?? "") } }
    }

    static let folder = Golden.repository + "/Tests/Fixtures/tokenizer/"
}

/// Checks every vector, and that streaming gives the same text.
func check(_ tokenizer: any Tokenizer, _ vectors: [TokenizerVector], special: Bool) {
    for vector in vectors {
        let ids = tokenizer.encode(vector.text, special: special)
        #expect(ids == vector.ids, "ids of \(vector.text.debugDescription)")
        // Compared by bytes: String's == takes both spellings of an accented letter as one.
        let decoded = tokenizer.decode(vector.ids)
        #expect(Array(decoded.utf8) == Array(vector.decoded.utf8), "text of \(vector.ids)")
    }
}

/// The small tokenizers of Tests/Fixtures/tokenizer against Hugging Face's and Google's own libraries.
@Suite struct TokenizerTests {
    @Test(arguments: ["tokenizer.json", "gpt2.json"]) func byteLevelAgrees(_ name: String) throws {
        let vectors = try TokenizerVector.committed(name)
        #expect(vectors.count == 134)
        check(try ByteLevelBPE(tokenizerJSON: TokenizerVector.folder + name), vectors, special: true)
    }

    @Test(arguments: ["pieces.model", "plain.model"]) func sentencePieceAgrees(_ name: String) throws {
        let vectors = try TokenizerVector.committed(name)
        #expect(vectors.count == 134)
        check(try SentencePiece(model: TokenizerVector.folder + name), vectors, special: false)
    }

    /// What encoding never yields; the texts are those of Google's library.
    @Test func controlPiecesEndRunsOfBytes() throws {
        let tokenizer = try SentencePiece(model: TokenizerVector.folder + "pieces.model")
        #expect(tokenizer.decode([214, 2, 176]) == "\u{FFFD}\u{FFFD}")
        #expect(tokenizer.decode([214, 176]) == "\u{4ED}")
        let space = try #require(tokenizer.id(of: " "))
        #expect(tokenizer.decode([1, space, space]) == " ")
        #expect(tokenizer.decode([space, 1, space]) == " ")
        #expect(tokenizer.decode([68, space]) == "A ")
        #expect(tokenizer.decode([0, space]) == " \u{2047}  ")
    }

    @Test func specialTokensAreTextWhereTheyAreNotMeant() throws {
        let tokenizer = try ByteLevelBPE(tokenizerJSON: TokenizerVector.folder + "tokenizer.json")
        #expect(tokenizer.encode("a<|end|>", special: true) == [tokenizer.id(of: "a"), 0])
        let plain = tokenizer.encode("a<|end|>", special: false)
        #expect(!plain.contains(0))
        #expect(tokenizer.decode(plain) == "a<|end|>")
        // Added tokens that are not special are found in any text.
        #expect(tokenizer.encode("[XX]", special: false) == [try #require(tokenizer.id(of: "[XX]"))])
        // A special token of trusted and untrusted parts is none; one of two trusted parts is.
        let torn = [PromptPiece("<|en", isTrusted: true), PromptPiece("d|>", isTrusted: false)]
        #expect(tokenizer.encode(torn) == plain.dropFirst().map { $0 })
        let joined = [PromptPiece("<|en", isTrusted: true), PromptPiece("d|>", isTrusted: true)]
        #expect(tokenizer.encode(joined) == [0])
        // Pieces are one text: words and merges cross from one to the next.
        let word = [PromptPiece("t", isTrusted: true), PromptPiece("he", isTrusted: false)]
        #expect(tokenizer.encode(word) == [try #require(tokenizer.id(of: "the"))])
    }

    @Test func idsOutsideOfTheVocabularyGiveNothing() throws {
        for name in ["tokenizer.json", "pieces.model"] {
            let path = TokenizerVector.folder + name
            let tokenizer: any Tokenizer =
                name.hasSuffix("json") ? try ByteLevelBPE(tokenizerJSON: path) : try SentencePiece(model: path)
            #expect(tokenizer.decode([-1, tokenizer.vocabularySize, .max]) == "")
            #expect(tokenizer.bytes(of: -1) == [])
            #expect(!tokenizer.isSpecial(.max))
        }
    }

    @Test func streamsGiveWholeCharacters() throws {
        let tokenizer = try ByteLevelBPE(tokenizerJSON: TokenizerVector.folder + "tokenizer.json")
        var stream = StreamDecoder(tokenizer)
        // Every byte of these is a token or part of one; nothing comes before a character is whole.
        let text = "a é 你好 😀👩\u{200D}👧 ½\u{10FFFF}"
        let parts = tokenizer.encode(text, special: false).map { stream.push($0) } + [stream.finish()]
        #expect(parts.joined() == text)
        #expect(!parts.contains { $0.contains("\u{FFFD}") })
        #expect(stream.push(0) == "", "special tokens are not text")
        // A character that is cut short, then a letter: the loss is shown as soon as it is certain.
        let bytes = [0xF0, 0x9F, 0x98].map { byte in (0..<tokenizer.vocabularySize).first { tokenizer.bytes(of: $0) == [byte] }! }
        #expect(bytes.map { stream.push($0) } == ["", "", ""])
        #expect(stream.push(try #require(tokenizer.id(of: "a"))) == "\u{FFFD}a")
        #expect(bytes.map { stream.push($0) } == ["", "", ""])
        #expect(stream.finish() == "\u{FFFD}")
    }

    @Test func streamsAndTextAgreeOnAnyTokens() throws {
        var random = SplitMix64(seed: 3)
        for tokenizer in [try ByteLevelBPE(tokenizerJSON: TokenizerVector.folder + "tokenizer.json")] {
            for _ in 0..<300 {
                let ids = (0..<40).map { _ in Int.random(in: 1..<tokenizer.vocabularySize, using: &random) }
                var stream = StreamDecoder(tokenizer)
                let text = ids.map { stream.push($0) }.joined() + stream.finish()
                #expect(text == tokenizer.decode(ids))
            }
        }
    }

    @Test func textComesBack() throws {
        let tokenizer = try ByteLevelBPE(tokenizerJSON: TokenizerVector.folder + "tokenizer.json")
        let pieces = try SentencePiece(model: TokenizerVector.folder + "pieces.model")
        var random = SplitMix64(seed: 5)
        for _ in 0..<300 {
            var text = ""
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                let limit: UInt32 = [0x80, 0x800, 0x10000, 0x110000].randomElement(using: &random)!
                if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &random)), scalar != "▁" {
                    text.unicodeScalars.append(scalar)
                }
            }
            for special in [false, true] {
                let ids = tokenizer.encode(text, special: special)
                #expect(Array(tokenizer.decode(ids).utf8) == Array(text.utf8))
            }
            #expect(Array(pieces.decode(pieces.encode(text, special: false)).utf8) == Array(text.utf8))
        }
    }

    /// A text of one word must not take time that grows with its square. Minutes are for a debug build in company.
    @Test(.timeLimit(.minutes(5))) func longWordsAreQuick() throws {
        let text = String(repeating: "abthean", count: 100_000 / 7)
        let tokenizer = try ByteLevelBPE(tokenizerJSON: TokenizerVector.folder + "tokenizer.json")
        #expect(tokenizer.decode(tokenizer.encode(text, special: true)) == text)
        let pieces = try SentencePiece(model: TokenizerVector.folder + "pieces.model")
        #expect(pieces.decode(pieces.encode(text, special: false)) == text)
        let spaces = String(repeating: " ", count: 100_000)
        #expect(tokenizer.decode(tokenizer.encode(spaces, special: true)) == spaces)
    }

    @Test func whatIsNotKnownIsRefused() throws {
        let good = try JSONText("tokenizer.json")
        func fault(_ old: String, _ new: String) throws -> String {
            try good.replacing(old, with: new).fault { _ = try ByteLevelBPE(tokenizerJSON: $0) }
        }
        #expect(try fault("zzz", "zzy") == "no error")
        #expect(
            try fault("\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}").hasSuffix(
                "normalizer: expected none, found \"NFC\""))
        #expect(
            try fault("\"byte_fallback\": false", "\"byte_fallback\": true").hasSuffix(
                "model.byte_fallback: expected false, found true"))
        #expect(try fault("\"ByteLevel\"", "\"Metaspace\"").contains("pre_tokenizer: expected ByteLevel"))
        #expect(try fault("\"type\": \"BPE\"", "\"type\": \"Unigram\"").hasSuffix("model.type: expected BPE, found \"Unigram\""))
        #expect(
            try fault("\"lstrip\": false", "\"lstrip\": true").hasSuffix("added_tokens[0].lstrip: expected false, found true"))
        #expect(
            try fault("\"t h\"", "\"t q\"").hasSuffix(
                "model.merges[0]: expected two tokens that make a third, found \"t\" and \"q\""))
        // Found by make fuzz: one more than that is no number.
        #expect(try fault("\"id\": 0", "\"id\": 9223372036854775807").contains("added_tokens: expected ids up to"))
        #expect(try fault("\"zzz\": 2", "\"zzz\": 9").contains("model.vocab.zzz: expected an id of its own"))
    }
}

/// A committed tokenizer.json with a change.
private struct JSONText {
    let text: String

    init(_ name: String) throws {
        let mapping = try MappedFile(path: TokenizerVector.folder + name)
        text = withExtendedLifetime(mapping) { String(decoding: mapping.bytes.buffer, as: UTF8.self) }
    }

    private init(text: String) { self.text = text }

    /// The first occurrence replaced.
    func replacing(_ old: String, with new: String) throws -> JSONText {
        let range = try #require(text.firstRange(of: old))
        return JSONText(text: text.replacingCharacters(in: range, with: new))
    }

    func fault(_ body: (String) throws -> Void) throws -> String {
        let folder = TemporaryFolder()
        do {
            try body(folder.write("tokenizer.json", Array(text.utf8)))
            return "no error"
        } catch {
            return "\(error)"
        }
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}

/// The reference vectors of fixtures/tokenizer.
@Suite(.enabled(if: Golden.fixture("tokenizer/hf_bpe.json") != nil, "the reference numbers are not beside the repository"))
struct TokenizerGoldenTests {
    @Test func tokenizerJSONAgrees() throws {
        let path = try #require(Golden.fixture("tokenizer/hf_bpe_tokenizer.json"))
        check(try ByteLevelBPE(tokenizerJSON: path), try TokenizerVector.shared("hf_bpe.json"), special: true)
    }

    @Test func mergesMayBeStrings() throws {
        let tokenizer = try ByteLevelBPE(tokenizerJSON: try #require(Golden.fixture("llama-hf/tokenizer.json")))
        check(tokenizer, try TokenizerVector.shared("hf_bpe.json"), special: true)
        #expect(tokenizer.bos == 1)
        #expect(tokenizer.eos == [2])
    }

    @Test func sentencePieceAgrees() throws {
        let tokenizer = try SentencePiece(model: try #require(Golden.fixture("tokenizer/tokenizer.model")))
        #expect(tokenizer.vocabularySize == 512)
        #expect(tokenizer.bos == 1)
        #expect(tokenizer.eos == [2])
        check(tokenizer, try TokenizerVector.shared("sentencepiece.json"), special: false)
        for vector in try JSONValue(path: try #require(Golden.fixture("tokenizer/sentencepiece_decode.json"))).array ?? [] {
            let ids = vector["ids"]?.array?.compactMap(\.int) ?? []
            #expect(tokenizer.decode(ids) == vector["decoded"]?.string, "text of \(ids)")
        }
    }

    @Test(.enabled(if: Golden.smolLM2 != nil, "the SmolLM2 GGUF is not in the data folder: make setup fetches it"))
    func smolLM2Agrees() throws {
        let tokenizer = try GGUF(path: try #require(Golden.smolLM2)).tokenizer()
        #expect(tokenizer.vocabularySize == 49152)
        #expect(tokenizer.bos == 1)
        #expect(tokenizer.eos == [2])
        #expect(tokenizer.id(of: "<|im_end|>") == 2)
        #expect(tokenizer.id(of: " the") == 260)
        let vectors = try TokenizerVector.shared("smollm2.json")
        #expect(vectors.count == 70)
        check(tokenizer, vectors, special: true)
        // Bytes without a token are dropped, and nothing merges across the gap.
        #expect(tokenizer.encode("a\u{4}b", special: true) == [81, 82])
        #expect(tokenizer.encode("!\u{4}!", special: true) == [17, 17])
        #expect((0...255).count { byte in tokenizer.encode(String(Unicode.Scalar(UInt8(byte))), special: false).isEmpty } == 6)
    }

    /// Loading is part of every worker's start, and a long word must not stop one.
    @Test(.enabled(if: Golden.smolLM2 != nil, "the SmolLM2 GGUF is not in the data folder: make setup fetches it"))
    func loadingIsQuick() throws {
        let clock = ContinuousClock()
        let file = try GGUF(path: try #require(Golden.smolLM2))
        var tokenizer: (any Tokenizer)?
        let loading = try clock.measure { tokenizer = try file.tokenizer() }
        let text = String(repeating: "pneumonoultramicroscopic", count: 100_000 / 24)
        let encoding = clock.measure { _ = tokenizer?.encode(text, special: true) }
        print("SmolLM2's tokenizer: loaded in \(loading), 100 kB without a space encoded in \(encoding)")
        #expect(loading < .seconds(20) && encoding < .seconds(20), "far beyond even a debug build")
    }
}
