import Foundation
import Testing

/// The README's table of what can go wrong: every failure has its row, and every row the test that shows it.
@Suite struct PromiseTests {
    let house = Repository.here

    /// What rows must begin with.
    static let failures = [
        // Files
        "zero bytes", "truncated or corrupt", "wrong extension", "1×1", "extreme aspect ratio", "PNG, TIFF or GIF bomb",
        "over 2³¹ decoded bytes", "multi-page TIFF", "animated GIF or WebP", "CMYK, inverted Adobe CMYK",
        "16-bit, palette, grey with alpha", "EXIF 1–8", "malformed EXIF", "absurd DPI", "a format without a codec",
        "no text", "upside-down", "instructions written in the picture", "very long text",
        // Folders
        "link loop or escape", "hard links", "FIFO, socket, device", "unreadable file", "odd names",
        "a file changed, deleted or half-written during the run", "output inside input", "a million files",
        "read-only output", "full disk", "no file descriptors left",
        // Processes
        "kill -9 of any worker", "SIGSTOP", "a hang with heartbeat", "crash loop", "out of memory", "slow start",
        "garbage on stdout", "orphans", "missing model", "wrong base", "NaN logits", "coordinator crash and restart",
        "two coordinators", "SIGTERM twice", "clock jump",
        // Wire
        "malformed, truncated message", "oversized message", "deeply nested message", "unknown fields",
        "another version",
        "wrong shape, type or byte count", "NaN in a tensor", "duplicate, late, reordered, misaddressed result",
        "a former epoch", "stale ipc file", "bytes that are no ZeroMQ",
        // Configuration
        "YAML alias bomb", "deep nesting", "duplicate or unknown keys", "cycles", "missing expert",
        "zero or negative limits", "path traversal in a name", "two stages writing one file",
    ]

    /// The cells of each row.
    private var rows: [[String]] {
        let lines = house.lines("README.md").drop { $0 != "## What can go wrong" }.dropFirst()
        return lines.prefix { !$0.hasPrefix("## ") }.filter { $0.hasPrefix("| ") && !$0.hasPrefix("| what") }
            .map { $0.split(separator: "|").map { $0.trimming { $0 == " " } } }
    }

    @Test func everyFailureHasItsRow() {
        let named = Set(rows.compactMap(\.first))
        for failure in Self.failures { #expect(named.contains(failure), "README.md has no row for \"\(failure)\"") }
        #expect(named.count == rows.count, "a row twice")
    }

    @Test func everyRowNamesTestsThatAreThere() throws {
        let makefile = try #require(house.text("Makefile"))
        let texts = house.files(in: "Tests", "swift").compactMap(house.text)
        #expect(rows.count >= Self.failures.count)
        for row in rows {
            #expect(row.count == 3, "\(row)")
            let proofs = row.last?.matches(of: /`([^`]+)`/).map { String($0.1) } ?? []
            #expect(!proofs.isEmpty, "no test shows \"\(row[0])\"")
            for proof in proofs {
                if proof.hasPrefix("make ") {
                    #expect(makefile.contains("\n\(proof.dropFirst("make ".count)): "), "\(row[0]): \(proof)")
                    continue
                }
                let parts = proof.split(separator: ".")
                let (suite, test) = (parts.first ?? "", parts.last ?? "")
                let isThere = texts.contains { $0.contains("struct \(suite) {") && $0.contains("func \(test)(") }
                #expect(parts.count == 2 && isThere, "\(row[0]): no test \(proof)")
            }
        }
    }
}
