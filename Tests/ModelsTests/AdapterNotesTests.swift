import Golden
import Testing

@testable import Models

/// `hparams.json` beside an adapter says what its file does not.
@Suite struct AdapterNotesTests {
    private let folder = TemporaryFolder()

    private func notes(_ text: String, beside name: String = "my-v1.pth") throws -> AdapterNotes {
        _ = folder.write("hparams.json", Array(text.utf8))
        return try AdapterNotes(beside: "\(folder.path)/\(name)")
    }

    @Test func numbersAreRead() throws {
        let text = #"{"v_num_heads": 4, "adapters": [{"file": "other.pth"}, {"file": "my-v1.pth", "adapter_len": 5}]}"#
        let found = try notes(text)
        #expect(found.visualHeads == 4 && found.promptLength == 5)
        #expect(try notes(text, beside: "another.pth").promptLength == nil)
        let none = try AdapterNotes(beside: Golden.tiny("v1.pth"))
        #expect(none.visualHeads == nil && none.promptLength == nil)
        let silent = try notes(#"{"adapter_len": 0}"#)
        #expect(silent.visualHeads == nil && silent.promptLength == nil)
    }

    @Test(arguments: [
        (#"{"v_num_heads": 0}"#, "hparams.json: v_num_heads: expected a number from 1 to 1024, found 0"),
        (
            #"{"adapters": [{"file": "my-v1.pth"}]}"#,
            "adapters.adapter_len: expected a number from 1 to 256, found none"
        ),
        ("{", "hparams.json: "),
    ])
    func whatCannotBeIsRefused(_ text: String, _ expected: String) {
        #expect {
            _ = try notes(text)
        } throws: {
            "\($0)".contains(expected)
        }
    }

    /// The caller's word counts for more than the file's, the file's for more than a note.
    @Test func aNoteIsTheLastWord() throws {
        let base = try LanguageModel(path: Golden.repository + "/Tests/Fixtures/official/llama")
        func heads(_ asked: Int?) throws -> Int {
            let path = Golden.repository + "/Tests/Fixtures/official/BIAS-7B.pth"
            return try base.adapter(path: path, visualHeads: asked).configuration.visualHeads
        }
        #expect(try heads(nil) == 4 && heads(8) == 8)
    }
}
