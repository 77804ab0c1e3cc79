import Foundation
import Testing

/// A run that is asked to end, as by Ctrl-C or a machine that shuts down.
@Suite struct SignalTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    /// Once: it ends in order. Twice: at once. Either way the same command goes on.
    @Test(arguments: [SIGTERM, SIGINT], [1, 2]) func aRunThatIsEndedGoesOn(signal: Int32, times: Int) throws {
        for index in 0..<40 { try bench.picture("\(index).pgm", seed: index) }
        let pipeline = try bench.pipeline(
            "pipeline: t\nstages:\n  one: {expert: rehearsal, hang_on: 39.pgm, credit: 4}\nanswer: one\n")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(Workbench.programs)/lorgnette")
        process.arguments = ["run", pipeline, bench.inputs, "--out", bench.out]
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        // One picture hangs, so the run is there until it is ended; some results must be written before.
        let results = "\(bench.out)/results.jsonl"
        while process.isRunning, (try? Data(contentsOf: URL(fileURLWithPath: results)))?.isEmpty ?? true {
            usleep(2000)
        }
        for _ in 0..<times { kill(process.processIdentifier, signal) }
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 130)
        let again = try bench.lorgnette(pipeline, ["--set", "one.hang_on=nothing"])
        #expect(again.status == 0, "\(again.errors)")
        #expect(try bench.results().count == 40)
        #expect(again.errors.contains("40 inputs: 40 ok"))
    }
}
