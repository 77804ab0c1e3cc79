import Foundation
import Testing

/// Every file in pipelines/, run by the real programs on tiny weights that are part of the repository.
@Suite struct PipelineFileTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    static let files: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(Workbench.package)/pipelines")) ?? []).sorted()

    private static let tiny = "\(Workbench.package)/Tests/Fixtures/tiny"

    /// A data folder in which the tiny models have the names of the starter models and of the official ones: what a file
    /// is, is told by what is in it.
    private func home() throws -> [String: String] {
        let models = "\(bench.path)/data/models"
        try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true)
        for (name, file) in [
            "SmolLM2-135M-Instruct.Q4_1.gguf": "language.gguf", "vit_s_focus.onnx": "vision.onnx",
            "llama-7b.q4_0.gguf": "language.gguf", "ViT-L-14.pt": "vision.onnx", "BIAS-7B.pth": "adapter.safetensors",
        ] {
            try FileManager.default.copyItem(atPath: "\(Self.tiny)/\(file)", toPath: "\(models)/\(name)")
        }
        try bench.write("data/notes/note.md", "# Noise\n\nMost of these pictures are noise.\n".utf8)
        try FileManager.default.createSymbolicLink(
            atPath: "\(bench.path)/data/python", withDestinationPath: Workbench.python)
        return ["LORGNETTE_HOME": "\(bench.path)/data"]
    }

    /// The captioner's own adapter is for the starter model; here it must be the tiny one.
    private func settings(_ file: String) throws -> [String] {
        let text = try String(contentsOfFile: "\(Workbench.package)/pipelines/\(file)", encoding: .utf8)
        return text.contains("expert: captioner") ? ["--set", "caption.adapter=\(Self.tiny)/adapter.safetensors"] : []
    }

    @Test func thereAreFiles() { #expect(Self.files.count >= 8) }

    @Test(arguments: files) func runsEndToEnd(file: String) throws {
        for index in 0..<3 { try bench.picture("\(index).pgm", seed: index, size: 64) }
        try bench.write("in/cut.png", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0])
        let ended = try bench.run(
            ["run", "pipelines/\(file)", bench.inputs, "--out", bench.out] + settings(file), environment: home())
        #expect(ended.status == 1, "\(ended.errors)")
        let results = try bench.results()
        #expect(results.count == 4)
        for index in 0..<3 {
            let result = try #require(results["\(index).pgm"])
            #expect(result.status == "ok", "\(result)")
            #expect(result.answerText != nil)
            let picture = result["picture"] as? [String: Any]
            #expect(picture?["width"] as? Int == 64)
            #expect(picture?["format"] as? String == "pnm")
        }
        #expect(results["cut.png"]?.status == "failed")
        #expect(results["cut.png"]?.errorCode == "bad_picture")
    }

    @Test(arguments: files) func hasNoFaults(file: String) throws {
        let ended = try bench.run(["check", "pipelines/\(file)"])
        #expect(ended.status == 0, "\(ended.errors)")
    }

    @Test func aMissingModelIsNamedBeforeAnyWork() throws {
        try bench.picture("a.pgm", seed: 1)
        let ended = try bench.run(
            ["run", "pipelines/caption.yaml", bench.inputs, "--out", bench.out], environment: ["LORGNETTE_HOME": bench.path])
        #expect(ended.status == 3, "\(ended.errors)")
        #expect(ended.errors.contains("\(bench.path)/models/"), "\(ended.errors)")
    }

    @Test func anAdapterForAnotherBaseIsRefused() throws {
        try bench.picture("a.pgm", seed: 1)
        let ended = try bench.run(["run", "pipelines/caption.yaml", bench.inputs, "--out", bench.out], environment: home())
        #expect(ended.status == 2, "\(ended.errors)")
        #expect(ended.errors.contains("captioner.safetensors"), "\(ended.errors)")
        #expect(try bench.results().isEmpty)
    }
}
