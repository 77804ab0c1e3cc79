import Testing

@testable import Coordination

/// What a failure's message has of a worker's log.
@Suite struct LogTailTests {
    private func words(_ log: String, limit: Int = 400) -> String {
        ExpertProcess.words(of: Array(log.utf8)[...], limit: limit)
    }

    @Test func theLastBytesWithoutControlCharacters() {
        #expect(words("one\n\u{1B}[2Jtwo\n\n") == "one [2Jtwo")
        #expect(words("first\nsecond third\n", limit: 12) == "second third")
        #expect(words("") == "")
    }

    @Test func notTheBacktrace() {
        let trace =
            "*** Signal 6: Backtracing from 0x7f... done ***\n\nThread 0:\n\n"
            + String(repeating: "0 0x0 poll\n", count: 200)
        #expect(
            words("Fatal error: no sky\nswift-runtime: failed to suspend thread 1\n\n\(trace)") == "Fatal error: no sky"
        )
        #expect(words(trace, limit: 10) == "0 0x0 poll")
    }
}
