import Foundation
import Testing

/// `lorgnette train`, as a person types it, on tiny models.
@Suite struct TrainTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private static let tiny = "\(Workbench.package)/Tests/Fixtures/tiny"

    /// A folder of pictures with captions, some instructions, and a configuration over them.
    private func configuration(steps: Int, extra: String = "") throws -> String {
        var captions = ""
        for i in 0..<20 {
            try bench.picture("\(i).pgm", seed: i, size: 20)
            captions +=
                "{\"item\": \"\(i).pgm\", \"captions\": [\"a \(i % 2 == 0 ? "dog" : "cat") .\", \"one animal .\"]}\n"
        }
        try bench.write("in/captions.jsonl", captions.utf8)
        try bench.write(
            "said.jsonl",
            (0..<6).map { "{\"instruction\": \"Say \($0).\", \"output\": \"\($0)\"}" }.joined(separator: "\n").utf8)
        return try bench.write(
            "train.yaml",
            """
            adapter: captioner
            language: \(Self.tiny)/language.gguf
            vision: \(Self.tiny)/vision.onnx
            vision_blocks: [1]
            steps: \(steps)
            warm_up: 4
            save_every: 10
            validate_every: 20
            model:
              prompt_layers: 1
              tuned_layers: 1
              biases: true
              lora: 2
              gate: 0.3
              visual: {width: 8, blocks: 1, heads: 2, queries: 3}
            lens: {steps: 4, batch: 4}
            pictures: {data: in, prompt: "Caption:", batch: 3, captions: 2, mirror: true}
            rewards: {batch: 2, samples: 2, longest: 6}
            instructions: {data: said.jsonl, batch: 2}
            validation: {data: in, pictures: 4}
            \(extra)
            """.utf8)
    }

    private var environment: [String: String] { ["LORGNETTE_HOME": "\(bench.path)/home"] }
    private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    /// A training that has ended because it got a signal.
    private func end(_ arguments: [String], with signal: Int32, whenItSays words: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(Workbench.programs)/lorgnette-train")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        var said = ""
        while !said.contains(words), case let data = errors.fileHandleForReading.availableData, !data.isEmpty {
            said += String(decoding: data, as: UTF8.self)
        }
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        return process
    }

    @Test func killedAndResumedItIsTheSameAdapterAndItDescribesPictures() throws {
        let config = try configuration(steps: 60)
        let (whole, killed) = ("\(bench.path)/whole.safetensors", "\(bench.path)/killed.safetensors")
        let ended = try bench.run(["train", config, "--out", whole], environment: environment)
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.errors.contains("20 pictures, 6 instructions, 4 to validate on"))
        #expect(ended.errors.contains("grounding gap"))
        #expect(ended.errors.contains("CIDEr-D") && ended.errors.contains("reward"))
        #expect(try String(contentsOfFile: whole + ".svg", encoding: .utf8).contains("validation, seen"))
        #expect(!FileManager.default.fileExists(atPath: whole + ".training"))

        // Killed when it says that it has come some way, then given again.
        let process = try end([config, "--out", killed], with: SIGKILL, whenItSays: "step 40/60")
        let again = try bench.run(["train", config, "--out", killed], environment: environment)
        #expect(again.status == 0, "\(again.errors)")
        if FileManager.default.fileExists(atPath: killed), process.terminationReason == .uncaughtSignal {
            #expect(again.errors.contains("going on from step"))
        }
        #expect(try bytes(whole) == bytes(killed))

        let pipeline = try bench.pipeline(
            """
            pipeline: caption
            stages:
              visual:  {expert: encoder, model: \(Self.tiny)/vision.onnx, blocks: [1]}
              caption: {expert: captioner, visual: visual, language: \(Self.tiny)/language.gguf, adapter: \(whole), max_tokens: 8}
            answer: caption
            """)
        let run = try bench.run(
            ["run", pipeline, "\(bench.inputs)/0.pgm", "--out", bench.out], environment: environment)
        #expect(run.status == 0, "\(run.errors)")
        #expect(try bench.results()["0.pgm"]?.status == "ok")
    }

    @Test func aFullDiskKeepsTheLastGoodState() throws {
        let config = try configuration(steps: 30)
        let (whole, out) = ("\(bench.path)/whole.safetensors", "\(bench.path)/out.safetensors")
        #expect(try bench.run(["train", config, "--out", whole], environment: environment).status == 0)
        _ = try end([config, "--out", out], with: SIGKILL, whenItSays: "step 20/30")
        let state = try bytes(out + ".training")
        // A file that may not grow is as good as a full disk.
        let full = try bench.run(
            ["bash", "-c", "ulimit -f 4; exec \(Workbench.programs)/lorgnette-train \(config) --out \(out)"],
            program: "/usr/bin/env", environment: environment)
        #expect(full.status == 1, "\(full.errors)")
        #expect(full.errors.contains("File too large"), "\(full.errors)")
        #expect(try bytes(out + ".training") == state)
        #expect(!FileManager.default.fileExists(atPath: out))
        #expect(!FileManager.default.fileExists(atPath: out + ".training.part"))
        #expect(try bench.run(["train", config, "--out", out], environment: environment).status == 0)
        #expect(try bytes(out) == bytes(whole))
    }

    @Test func anotherConfigurationDoesNotTakeUpAState() throws {
        let config = try configuration(steps: 5_000_000)
        let out = "\(bench.path)/out.safetensors"
        let process = try end([config, "--out", out], with: SIGTERM, whenItSays: "step 20/")
        #expect(process.terminationStatus == 130)
        let other = try bench.run(
            ["train", try configuration(steps: 8), "--out", out], environment: environment)
        #expect(other.status == 1)
        #expect(
            other.errors.contains("out.safetensors.training: run: expected the state of this run"), "\(other.errors)")
    }

    @Test func everyFaultOfAConfigurationIsShownWithItsLine() throws {
        let config = try bench.write(
            "bad.yaml",
            """
            adapter: captioner
            stepz: 5
            steps: none
            rates: {projektion: 1}
            model: {wiring: telepathy, visual: {heads: 0}}
            pictures: {prompt: "Caption:", learn: [everything]}
            """.utf8)
        let ended = try bench.run(["train", config, "--out", "\(bench.path)/x"], environment: environment)
        #expect(ended.status == 2)
        for part in [
            "bad.yaml:2:1: stepz: unknown key; did you mean \"steps\"?",
            "bad.yaml:3:8: steps: expected a whole number from 1 to 10000000, found \"none\"",
            "rates.projektion: unknown key; did you mean \"projection\"?",
            "model.wiring: expected one of released, paper, found \"telepathy\"",
            "model.visual.heads: expected a whole number from 1 to 256, found \"0\"",
            "pictures.data: expected folders of pictures with captions, found none",
            "pictures.learn: expected visual, tuning or both, found everything",
        ] {
            #expect(ended.errors.contains(part), "\(part) in \(ended.errors)")
        }
    }

    @Test func aPictureThatCannotBeReadIsNamed() throws {
        let config = try configuration(steps: 3)
        try bench.write("in/3.pgm", "P5 nonsense".utf8)
        let ended = try bench.run(["train", config, "--out", "\(bench.path)/x"], environment: environment)
        #expect(ended.status == 1)
        #expect(ended.errors.contains("in/3.pgm"), "\(ended.errors)")
    }

    @Test func anAdapterOfOtherShapesIsRefusedKeyByKey() throws {
        let config = try configuration(steps: 3, extra: "start: \(Self.tiny)/adapter.safetensors")
        let ended = try bench.run(["train", config, "--out", "\(bench.path)/x"], environment: environment)
        #expect(ended.status == 1)
        #expect(ended.errors.contains("visual_query.weight: expected shape [3, 8]"), "\(ended.errors)")
    }
}
