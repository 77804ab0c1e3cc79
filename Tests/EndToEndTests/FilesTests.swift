import Foundation
import Testing

/// Files that lie, through encoder and OCR as a person would run them.
@Suite struct FilesTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    /// Every outcome, every worker's peak memory under 600 MB, no worker's death, and what the decoders gave up.
    @Test func badFilesEndAsTheyShouldAndNoWorkerGrows() throws {
        let ended = try bench.run(
            [
                "python3", "\(Workbench.package)/Tests/Chaos/bad_files.py", "\(Workbench.programs)/lorgnette",
                "--light",
                "--vision", "\(Workbench.package)/Tests/Fixtures/tiny/vision.onnx", "--folder", "\(bench.path)/files",
            ], program: "/usr/bin/env")
        #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
    }

    @Test func doctorSaysWhetherDecodersGiveUpTheNetwork() throws {
        let doctor = try bench.run(["doctor"])
        let line = doctor.output.split(separator: "\n").first { $0.contains("  confinement  ") }
        #expect(line?.hasPrefix("ok ") == true || line?.hasPrefix("note ") == true, "\(doctor.output)")
    }
}
