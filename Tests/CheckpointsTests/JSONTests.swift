import Checkpoints
import Testing

@Suite struct JSONTests {
    private func parse(_ text: String, depth: Int = 64) throws -> JSONValue {
        try Array(text.utf8).withUnsafeBytes { try JSONValue(parsing: $0, file: "a.json", depth: depth) }
    }

    @Test func valuesAreRead() throws {
        let text = #" {"a": [1, -2.5e3, true, false, null, 9223372036854775807, 1e2], "é": "x\n\u00e9\ud83d\ude00\/", "é": 0} "#
        let value = try parse(text)
        let list = try #require(value["a"]?.array)
        #expect(list.map(\.int) == [1, -2500, nil, nil, nil, Int.max, 100])
        #expect(list[1].double == -2500)
        #expect(list[2].bool == true)
        #expect(list[4].isNull)
        #expect(value["é"]?.string == "x\né😀/")
        // The decomposed spelling is another name.
        #expect(value["e\u{301}"] == nil)
        #expect(value.members?.count == 3)
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "-", "1.", ".5", "1e", "+1", "tru", "nul", "[1] 2", "\"", "\"\\x\"",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\u12g4\"", "\"\n\"", "1e999", "[", "{\"a\"}", "NaN", "'a'",
    ]) func faultsAreFound(_ text: String) {
        #expect(throws: CheckpointError.self) { try parse(text) }
    }

    @Test func invalidUTF8IsFound() {
        let bytes: [UInt8] = [0x22, 0xFF, 0x22]
        #expect(throws: CheckpointError.self) { try bytes.withUnsafeBytes { try JSONValue(parsing: $0, file: "a.json") } }
    }

    @Test func nestingHasALimit() throws {
        _ = try parse(String(repeating: "[", count: 8) + String(repeating: "]", count: 8), depth: 8)
        #expect(throws: CheckpointError.self) {
            try parse(String(repeating: "[", count: 10) + String(repeating: "]", count: 10), depth: 8)
        }
        #expect(throws: CheckpointError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
    }
}
