import Foundation
import Testing

/// An input that kills whoever looks at it.
@Suite struct PoisonTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    /// One input kills every worker that looks at it. Its neighbours, who die with it, are not blamed; it is set aside
    /// with the end of the worker's log, and taken up again when that is asked for.
    @Test func poisonIsSetAsideAlone() throws {
        for index in 0..<12 { try bench.picture("\(index).pgm", seed: index) }
        let pipeline = try bench.pipeline(
            "pipeline: t\nstages:\n  one: {expert: rehearsal, crash_on: 7.pgm, credit: 12, delay_ms: 5}\nanswer: one\n")
        #expect(try bench.lorgnette(pipeline).status == 1)
        let results = try bench.results()
        #expect(results.count == 12)
        for (item, line) in results where item != "7.pgm" {
            #expect(line.status == "ok")
            #expect(line.stage("one")?["attempts"] as? Int == 1, "\(item) was blamed")
        }
        #expect(results["7.pgm"]?.errorCode == "worker_lost")
        let message = (results["7.pgm"]?["error"] as? [String: Any])?["message"] as? String ?? ""
        #expect(message.contains("about to abort over 7.pgm"), "\(message)")

        #expect(try bench.lorgnette(pipeline).errors.contains("12 of them done before"))
        let again = try bench.lorgnette(pipeline, ["--retry-failed"])
        #expect(again.errors.contains("11 of them done before"), "\(again.errors)")
        #expect(again.status == 1)
        #expect(try bench.lorgnette(pipeline, ["--retry-failed", "--set", "one.crash_on=nothing"]).status == 0)
    }
}
