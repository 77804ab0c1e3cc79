import Foundation
import Testing

/// Folders as they are found in the wild, through whole runs.
@Suite struct FoldersTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private func one(_ options: String) throws -> String {
        try bench.pipeline("pipeline: t\nstages:\n  one: {expert: rehearsal, \(options)}\nanswer: one\n")
    }

    /// A picture under a name of any bytes.
    private func picture(_ name: [UInt8], seed: UInt8) throws {
        let path = Array("\(bench.inputs)/".utf8) + name + [0]
        let file = path.withUnsafeBufferPointer { $0.withMemoryRebound(to: CChar.self) { fopen($0.baseAddress!, "w") } }
        let opened = try #require(file, "\(String(decoding: name, as: UTF8.self)): \(String(cString: strerror(errno)))")
        let bytes = Array("P5 2 2 255\n".utf8) + [seed, 1, 2, 3]
        #expect(fwrite(bytes, 1, bytes.count, opened) == bytes.count)
        fclose(opened)
    }

    /// The lines, each as its item's bytes and whether they are escaped: Swift takes names for equal that the kernel does not.
    private func lines() throws -> [[UInt8]: [String: Any]] {
        var lines: [[UInt8]: [String: Any]] = [:]
        for line in try Data(contentsOf: URL(fileURLWithPath: "\(bench.out)/results.jsonl")).split(
            separator: UInt8(ascii: "\n"))
        {
            let object = try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any])
            let item = try #require(object["item"] as? String)
            let mark: [UInt8] = object["item_escaped"] as? Bool == true ? [0] : []
            #expect(lines.updateValue(object, forKey: mark + Array(item.utf8)) == nil, "two lines for \(item)")
        }
        return lines
    }

    @Test func everyNameHasItsLine() throws {
        let names: [[UInt8]] = [
            Array("caf\u{E9}.pgm".utf8), Array("cafe\u{301}.pgm".utf8),  // NFC and NFD: two files to the kernel
            [0x61, 0xFF] + Array(".pgm".utf8), Array("a%FF.pgm".utf8),  // not UTF-8, and the name that it is escaped to
            Array("two\nlines.pgm".utf8), Array("-rf.pgm".utf8), Array("--help".utf8), Array("a b'c\"d.pgm".utf8),
            Array("\u{1B}[2J.pgm".utf8), [UInt8](repeating: UInt8(ascii: "n"), count: 251) + Array(".pgm".utf8),
            Array("\u{202E}gmp.txt".utf8), Array(".hidden".utf8), Array("..pgm".utf8),
        ]
        for (index, name) in names.enumerated() { try picture(name, seed: UInt8(index)) }
        let pipeline = try one("read: true")
        let first = try bench.lorgnette(pipeline)
        #expect(first.status == 0, "\(first.errors)")
        #expect(!first.errors.contains("\u{1B}") && !first.output.contains("\u{1B}"))
        let found = try lines()
        let escaped: [UInt8] = [0] + Array("a%FF.pgm".utf8)
        #expect(Set(found.keys) == Set(names.map { $0.contains(0xFF) ? escaped : $0 }))
        #expect(found.values.allSatisfy { $0.status == "ok" })
        #expect(try bench.lorgnette(pipeline).errors.contains("\(names.count) of them done before"))
        #expect(try lines().count == names.count)
    }

    @Test func hardLinksAreTwoInputsAndComputedOnce() throws {
        try bench.picture("a.pgm", seed: 1)
        #expect(link("\(bench.inputs)/a.pgm", "\(bench.inputs)/b.pgm") == 0)
        let pipeline = try one("read: true, say: same")
        #expect(try bench.lorgnette(pipeline).status == 0)
        let results = try bench.results()
        #expect(results.count == 2)
        #expect(results["a.pgm"]?["sha256"] as? String == results["b.pgm"]?["sha256"] as? String)
    }

    @Test func whatIsNoFileIsSkippedAndTheRunGoesOn() throws {
        try bench.picture("a.pgm", seed: 1)
        #expect(mkfifo("\(bench.inputs)/pipe.jpg", 0o600) == 0)
        let outside = try bench.write(
            "outside.pgm", try Data(contentsOf: URL(fileURLWithPath: "\(bench.inputs)/a.pgm")))
        let links = [
            "loop": ".", "up": "..", "out.pgm": outside, "none.pgm": "missing", "self": "self", "null.png": "/dev/null",
        ]
        for (name, target) in links {
            try FileManager.default.createSymbolicLink(atPath: "\(bench.inputs)/\(name)", withDestinationPath: target)
        }
        let ended = try bench.lorgnette(try one("read: true"))
        #expect(ended.status == 0, "\(ended.errors)")
        let results = try bench.results()
        #expect(results.count == links.count + 2)
        #expect(results["a.pgm"]?.status == "ok")
        for (name, result) in results where name != "a.pgm" {
            #expect(result.status == "skipped", "\(name)")
            #expect(["link", "broken_link", "not_a_file"].contains(result.errorCode), "\(name)")
        }
    }

    @Test(arguments: ["spoil_on", "remove_on"]) func aFileThatChangesMeanwhileHasNoResult(option: String) throws {
        for index in 0..<3 { try bench.picture("\(index).pgm", seed: index) }
        let pipeline = try one("\(option): 1.pgm, credit: 1")
        let ended = try bench.lorgnette(pipeline)
        #expect(ended.status == 1, "\(ended.errors)")
        let results = try bench.results()
        #expect(results["1.pgm"]?.errorCode == "changed")
        #expect(results["0.pgm"]?.status == "ok" && results["2.pgm"]?.status == "ok")
        // What is there now, if anything, is another input.
        let again = try bench.lorgnette(pipeline, ["--set", "one.\(option)=nothing"])
        #expect(again.status == 0, "\(again.errors)")
        #expect(again.errors.contains(option == "spoil_on" ? "3 inputs: 3 ok" : "2 inputs: 2 ok"), "\(again.errors)")
    }

    @Test func theOutputInsideTheInputIsNoInput() throws {
        try bench.picture("a.pgm", seed: 1)
        let pipeline = try one("read: true")
        let out = "\(bench.inputs)/results"
        for _ in 0..<2 {
            let ended = try bench.run(["run", pipeline, bench.inputs, "--out", out])
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(ended.errors.contains("1 inputs: 1 ok"), "\(ended.errors)")
        }
    }

    @Test(arguments: ["results.jsonl", "ledger.sqlite", "logs", ".lock"])
    func nothingIsWrittenThroughALinkOutOfTheOutput(name: String) throws {
        try bench.picture("a.pgm", seed: 1)
        let target = try bench.write("elsewhere/precious", "precious".utf8)
        try FileManager.default.createDirectory(atPath: bench.out, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: "\(bench.out)/\(name)", withDestinationPath: name == "logs" ? "\(bench.path)/elsewhere" : target)
        let ended = try bench.lorgnette(try one("read: true"))
        #expect(ended.status == 4, "\(ended.errors)")
        #expect(ended.errors.contains("\(name): a link"), "\(ended.errors)")
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "precious")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(bench.path)/elsewhere") == ["precious"])
    }

    /// Logs are named after stages.
    @Test(arguments: ["../../x", "a/b", "..", "", "A", "a.b"]) func noNameOfAStageLeadsOutOfTheOutput(name: String)
        throws
    {
        try bench.picture("a.pgm", seed: 1)
        let ended = try bench.lorgnette(
            try bench.pipeline("pipeline: t\nstages:\n  \"\(name)\": {expert: rehearsal}\n"))
        #expect(ended.status == 2, "\(ended.errors)")
        #expect(ended.errors.contains("expected a name of a-z"), "\(ended.errors)")
    }

    /// As root nothing is unreadable, so root gives up that right first.
    @Test(.enabled(if: getuid() != 0 || access("/usr/bin/setpriv", X_OK) == 0, "root without setpriv reads everything"))
    func whatCannotBeReadFailsAndIsNamed() throws {
        for index in 0..<2 { try bench.picture("\(index).pgm", seed: index) }
        try bench.picture("closed/2.pgm", seed: 2)
        #expect(chmod("\(bench.inputs)/1.pgm", 0) == 0 && chmod("\(bench.inputs)/closed", 0) == 0)
        defer { chmod("\(bench.inputs)/closed", 0o700) }
        let words = ["run", try one("read: true"), bench.inputs, "--out", bench.out]
        let rights = "-dac_override,-dac_read_search"
        let ended =
            getuid() == 0
            ? try bench.run(
                ["--bounding-set", rights, "--inh-caps", rights, "\(Workbench.programs)/lorgnette"] + words,
                program: "/usr/bin/setpriv")
            : try bench.run(words)
        #expect(ended.status == 1, "\(ended.errors)")
        let results = try bench.results()
        #expect(results.count == 3)
        #expect(results["0.pgm"]?.status == "ok")
        for name in ["1.pgm", "closed"] {
            #expect(results[name]?.errorCode == "unreadable", "\(name)")
            #expect(ended.errors.contains("failed: \(name): "), "\(ended.errors)")
        }
    }
}
