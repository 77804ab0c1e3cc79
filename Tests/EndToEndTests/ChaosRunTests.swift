import Foundation
import Testing

/// Runs with `--chaos`: faults in our own workers and wire, and what a run promises all the same.
@Suite struct ChaosRunTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private static let everything = "kill=60,hang=60,crash=40,slow=40,garbage=40,drop=200,dup=15,corrupt=20,full-disk=16"

    private func answers() throws -> [String: String?] { try bench.results().mapValues(\.answerText) }

    private func faults() throws -> [String: Int] {
        let log = try String(contentsOfFile: "\(bench.out)/logs/chaos.log", encoding: .utf8)
        return Dictionary(log.split(separator: "\n").map { (String($0.prefix { $0 != " " }), 1) }, uniquingKeysWith: +)
    }

    @Test func everyFaultIsSurvivedAndChangesNoAnswer() throws {
        for index in 0..<60 { try bench.picture("\(index % 3)/\(index).pgm", seed: index) }
        let pipeline = try bench.pipeline(
            """
            pipeline: t
            stages:
              eye: {expert: rehearsal, tensor: true, credit: 4, deadline: 700ms}
              ear: {expert: rehearsal, credit: 4, deadline: 700ms, workers: 2, optional: true}
              last: {expert: rehearsal, visual: eye, context: [ear], credit: 4, deadline: 700ms, workers: 2}
            answer: last
            """)
        #expect(try bench.lorgnette(pipeline).status == 0)
        let whole = try answers()
        try FileManager.default.removeItem(atPath: bench.out)

        var ended = try bench.lorgnette(pipeline, ["--chaos", Self.everything, "--chaos-seed", "201"])
        var fullDisks = 0
        while ended.status == 4, fullDisks < 20 {
            #expect(ended.errors.contains("No space left on device"), "\(ended.errors)")
            fullDisks += 1
            ended = try bench.lorgnette(pipeline, ["--chaos", Self.everything, "--chaos-seed", "201"])
        }
        #expect([0, 1].contains(ended.status), "\(ended.errors)")
        #expect(ended.errors.contains("60 inputs: "), "\(ended.errors)")
        let results = try bench.results()
        #expect(results.count == 60)
        for (item, line) in results where line.status == "ok" { #expect(line.answerText == whole[item], "\(item)") }
        let found = try faults()
        for fault in ["kill", "hang", "crash", "slow", "garbage", "drop", "dup", "corrupt", "full-disk"] {
            #expect(found[fault, default: 0] > 0, "\(found)")
        }
        #expect(found["full-disk"] == fullDisks)

        // Without faults, what failed is taken up again.
        let again = try bench.lorgnette(pipeline, ["--retry-failed"])
        #expect(again.status == 0, "\(again.errors)")
        #expect(try answers() == whole)
    }

    @Test func aFaultThatIsNoneIsNamed() throws {
        let pipeline = try bench.pipeline("pipeline: t\nstages:\n  one: {expert: rehearsal}\n")
        let ended = try bench.lorgnette(pipeline, ["--chaos", "kill,hunger"])
        #expect(ended.status == 2)
        #expect(ended.errors.contains("\"hunger\""), "\(ended.errors)")
    }

    /// The environment alone does nothing: a coordinator without --chaos gives its workers none.
    @Test func onlyACoordinatorBringsChaos() throws {
        for index in 0..<4 { try bench.picture("\(index).pgm", seed: index) }
        let pipeline = try bench.pipeline("pipeline: t\nstages:\n  one: {expert: rehearsal}\n")
        let log = "\(bench.path)/chaos.log"
        let ended = try bench.run(
            ["run", pipeline, bench.inputs, "--out", bench.out], environment: ["LORGNETTE_CHAOS": "1:crash=1:\(log)"])
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(!FileManager.default.fileExists(atPath: log))
    }
}
