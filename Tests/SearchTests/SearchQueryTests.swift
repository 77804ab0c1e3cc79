import Testing

@testable import lorgnette_search

@Suite struct SearchQueryTests {
    @Test func wordsComeOnceWithoutStopWordsAndMarks() {
        #expect(SearchQuery(["What is the Pump for?", "pump, SEAL; x"]).words == ["pump", "seal"])
        #expect(SearchQuery(["pump", "seal"]).expression == "\"pump\" OR \"seal\"")
        #expect(SearchQuery(["", "the and of"]).expression == "")
    }

    @Test func aQueryIsBounded() {
        let text = (0..<1000).map { "word\($0)" }.joined(separator: " ")
        #expect(SearchQuery([text]).words.count == SearchQuery.mostWords)
        #expect(SearchQuery([String(repeating: "a", count: 65)]).words.isEmpty)
    }

    @Test func lettersOfUnspacedScriptsArePaired() {
        #expect(SearchQuery(["去公园 park 山"]).words == ["去公", "公园", "park", "山"])
        #expect(SearchQuery(["公园"]).expression == "\"公 园\"")
        #expect(SearchQuery.spaced("a公园b") == "a 公 园 b")
    }
}
