import Coordination
import Foundation
import Pipelines
import Testing

@Suite struct LedgerTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func entry(_ name: String, _ status: ItemStatus = .ok, line: String? = nil) -> Ledger.Record {
        .item(
            Ledger.Entry(
                item: name, stamp: .init(size: 3, modified: 5), sha256: [1, 2], configuration: "c", status: status,
                line: line ?? "{\"item\":\"\(name)\"}"))
    }

    private func open() throws -> (Ledger, ResultsFile) {
        let ledger = try Ledger(path: "\(folder.path)/ledger.sqlite")
        let file = ResultsFile(path: results, ledger: ledger)
        try file.open()
        return (ledger, file)
    }

    private var results: String { "\(folder.path)/results.jsonl" }
    private var lines: [String] {
        get throws { try String(contentsOfFile: results, encoding: .utf8).split(separator: "\n").map(String.init) }
    }

    private func record(_ records: [Ledger.Record], _ ledger: Ledger, _ file: ResultsFile) throws {
        let (start, lines) = try ledger.write(records)
        try file.append(lines, at: start)
    }

    @Test func whatIsWrittenIsRemembered() throws {
        let (ledger, file) = try open()
        try record([entry("a"), .stage(key: [7], outcome: Data([9]))], ledger, file)
        let memory = try #require(try ledger.memory(of: "a"))
        #expect(memory.stamp == .init(size: 3, modified: 5))
        #expect(memory.sha256 == [1, 2])
        #expect(memory.status == .ok)
        #expect(try ledger.memory(of: "b") == nil)
        #expect(try ledger.outcome(for: [7]) == Data([9]))
        #expect(try ledger.outcome(for: [8]) == nil)
        #expect(try lines == ["{\"item\":\"a\"}"])
    }

    @Test func aRunKilledBetweenLedgerAndFileIsRepaired() throws {
        do {
            let (ledger, file) = try open()
            try record([entry("a")], ledger, file)
            _ = try ledger.write([entry("b"), entry("c")])  // killed before the append
        }
        _ = try open()
        #expect(try lines == ["a", "b", "c"].map { "{\"item\":\"\($0)\"}" })
    }

    @Test func aHalfWrittenLineIsRepaired() throws {
        do {
            let (ledger, file) = try open()
            try record([entry("a"), entry("b")], ledger, file)
        }
        try folder.file("results.jsonl", Array("{\"item\":\"a\"}\n{\"it".utf8))
        _ = try open()
        #expect(try lines == ["a", "b"].map { "{\"item\":\"\($0)\"}" })
    }

    @Test func whatTheLedgerDoesNotKnowIsNotInTheFile() throws {
        do {
            let (ledger, file) = try open()
            try record([entry("a")], ledger, file)
        }
        try folder.file("results.jsonl", Array("{\"item\":\"a\"}\n{\"item\":\"stranger\"}\n".utf8))
        _ = try open()
        #expect(try lines == ["{\"item\":\"a\"}"])
    }

    @Test func anItemDoneAgainHasOneLine() throws {
        let (ledger, file) = try open()
        try record([entry("a", .failed), entry("b")], ledger, file)
        try record([entry("a", line: "{\"item\":\"a\",\"again\":true}")], ledger, file)
        try file.settle()
        #expect(try lines == ["{\"item\":\"b\"}", "{\"item\":\"a\",\"again\":true}"])
        try record(
            [entry("c")], ledger,
            try {
                let file = ResultsFile(path: results, ledger: ledger)
                try file.open()
                return file
            }())
        #expect(try lines.count == 3)
    }

    @Test func manyAreLookedUpAtOnce() throws {
        let (ledger, file) = try open()
        try record([entry("a"), entry("b", .failed)], ledger, file)
        let memories = try ledger.memories(of: ["b", "none", "a"])
        #expect(memories.map { $0?.status } == [.failed, nil, .ok])
    }

    @Test func anEscapedNameIsNotTheNameThatItReadsLike() {
        let path = PathBytes([])
        let escaped = PreparedItem(name: "a%FF.jpg", nameIsEscaped: true, path: path)
        let plain = PreparedItem(name: "a%FF.jpg", nameIsEscaped: false, path: path)
        #expect(escaped.key != plain.key)
        #expect(plain.key == "a%FF.jpg")
    }

    @Test func aSecondCoordinatorIsKeptOut() throws {
        let first = try OutputFolder("\(folder.path)/out/deep")
        #expect(throws: CoordinationError.self) { try OutputFolder("\(folder.path)/out/deep") }
        withExtendedLifetime(first) {}
    }
}
