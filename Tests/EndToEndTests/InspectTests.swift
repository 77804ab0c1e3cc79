import Foundation
import Golden
import Testing

/// `lorgnette models inspect` and `list`, of files and folders.
@Suite struct InspectTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    @Test func foldersAreDescribed() throws {
        for (folder, lines) in [
            (
                "llama",
                [
                    "layout       Hugging Face, 3 files", "model        llama, 2 layers, width 64,",
                    "fits         language of captioner and generator; adapters made for width 64 and 2 layers",
                    "types        f16 21",
                ]
            ),
            ("clip", ["layout       Hugging Face, 1 file", "model        clip", "fits         model of the encoder;"]),
        ] {
            let ended = try bench.run(["models", "inspect", Golden.huggingFace(folder)])
            #expect(ended.status == 0, "\(ended.errors)")
            for line in lines { #expect(ended.output.contains(line), "\(line) in \(ended.output.prefix(900))") }
        }
        let ended = try bench.run(["models", "inspect", bench.inputs])
        #expect(ended.status != 0 && ended.errors.contains("params.json: expected it here or in one folder inside"))
    }

    @Test func filesSayWhatTheyFit() throws {
        for (file, line) in [
            ("language.gguf", "fits         language of captioner and generator; adapters made for width"),
            ("vision.onnx", "fits         model of the encoder; adapters that read features of width"),
            ("adapter.safetensors", "fits         adapter of captioner and generator for a language model of width"),
        ] {
            let ended = try bench.run(["models", "inspect", Golden.tiny(file)])
            #expect(ended.output.contains(line), "\(ended.output.prefix(900))")
        }
    }

    @Test(
        .enabled(
            if: Golden.fixture("v2-dialog/llama-sharded") != nil, "the reference numbers are not beside the repository")
    )
    func officialFoldersAreDescribed() throws {
        let ended = try bench.run(["models", "inspect", #require(Golden.fixture("v2-dialog/llama-sharded"))])
        #expect(ended.output.contains("layout       LLaMA as it was released, 2 shards"), "\(ended.output.prefix(900))")
    }

    @Test func foldersAreListed() throws {
        let models = "\(bench.path)/data/models"
        try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: models + "/small", withDestinationPath: Golden.huggingFace("llama"))
        let ended = try bench.run(["models", "list"], environment: ["LORGNETTE_HOME": "\(bench.path)/data"])
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.output.contains("small/ "), "\(ended.output)")
        #expect(ended.output.contains("llama, 2 layers, width 64"), "\(ended.output)")
    }
}
