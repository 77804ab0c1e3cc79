import Testing

@testable import lorgnette_search

@Suite struct NotesTextTests {
    private func passages(_ text: String, isMarkdown: Bool = true) -> [String] {
        NotesText.passages(text, file: "n.md", isMarkdown: isMarkdown).map { "\($0.line) \($0.heading)| \($0.text)" }
    }

    @Test func headingsOfEveryForm() {
        #expect(
            passages("# One #\nfirst\n\nTwo\n===\nsecond\n\n####### none") == [
                "2 One| first", "6 Two| second", "8 Two| ####### none",
            ])
        #expect(passages("#hash is a tag\n#\n\nx") == ["1 | #hash is a tag", "4 | x"])
    }

    @Test func codeKeepsItsMarks() {
        #expect(passages("# Top\n```sh\n# a comment\nls\n```\n") == ["3 Top| # a comment ls"])
    }

    @Test func plainTextHasNoHeadings() {
        #expect(
            passages("# not one\n\n  two\tlines \n of it", isMarkdown: false) == [
                "1 | # not one", "3 | two lines of it",
            ])
    }

    @Test func nothingComesOfNothing() {
        #expect(passages("").isEmpty)
        #expect(passages("\n\n \n\t\n").isEmpty)
        #expect(passages("# Only a heading").isEmpty)
    }

    @Test func piecesLoseNothing() {
        let text = String(repeating: "x", count: 2000)
        #expect(Passage.pieces(text).joined() == text)
        #expect(Passage.pieces(text).allSatisfy { $0.count <= Passage.longest })
    }
}
