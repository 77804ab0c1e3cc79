import Foundation
import Golden
import Testing

/// The encoder with vision models of every layout, and adapters that know with which one they were trained.
@Suite struct VisionModelTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private var environment: [String: String] { ["LORGNETTE_HOME": "\(bench.path)/home"] }

    /// An adapter of a training of two steps on a language and a vision model.
    private func adapter(language: String, vision: String) throws -> String {
        for i in 0..<4 { try bench.picture("\(i).pgm", seed: i, size: 20) }
        let captions = (0..<4).map { "{\"item\": \"\($0).pgm\", \"captions\": [\"a cat .\"]}" }
        try bench.write("in/captions.jsonl", captions.joined(separator: "\n").utf8)
        let file = try bench.write(
            "train.yaml",
            """
            adapter: captioner
            language: \(language)
            vision: \(vision)
            steps: 2
            model: {prompt_layers: 1, gate: 0.3, visual: {width: 8, blocks: 1, heads: 2, queries: 3}}
            pictures: {data: in, prompt: "Caption:", batch: 2, mirror: true}
            """.utf8)
        let out = "\(bench.path)/trained.safetensors"
        let ended = try bench.run(["train", file, "--out", out], environment: environment)
        #expect(ended.status == 0, "\(ended.errors)")
        try FileManager.default.removeItem(atPath: "\(bench.inputs)/captions.jsonl")
        return out
    }

    private func caption(language: String, adapter: String, vision: String) throws -> [String: [String: Any]] {
        let pipeline = try bench.pipeline(
            """
            pipeline: trial
            stages:
              visual: {expert: encoder, model: \(vision)}
              caption: {expert: captioner, visual: visual, language: \(language), adapter: \(adapter), max_tokens: 4}
            answer: caption
            """)
        try? FileManager.default.removeItem(atPath: bench.out)
        let ended = try bench.run(["run", pipeline, bench.inputs, "--out", bench.out], environment: environment)
        #expect(ended.status <= 1, "\(ended.errors)")
        return try bench.results()
    }

    /// Trained with a folder of Hugging Face's, it captions with that folder and is refused with another encoder.
    @Test func anAdapterReadsTheVisionModelThatItWasTrainedWith() throws {
        let (language, folder) = (Golden.tiny("language.gguf"), Golden.huggingFace("clip"))
        let adapter = try adapter(language: language, vision: folder)
        let inspected = try bench.run(["models", "inspect", adapter])
        #expect(inspected.output.contains("vision = \"clip\""), "\(inspected.output)")
        #expect(inspected.output.contains("CLIP's mean and deviation"), "\(inspected.output)")

        for (item, result) in try caption(language: language, adapter: adapter, vision: folder) {
            #expect(result.status == "ok", "\(item): \(result)")
        }
        let results = try caption(language: language, adapter: adapter, vision: Golden.tiny("vision.onnx"))
        #expect(results.count == 4)
        for (_, result) in results {
            #expect(result.status == "failed" && result.errorCode == "wrong_model", "\(result)")
            let message = (result["error"] as? [String: Any])?["message"] as? String ?? ""
            #expect(
                message.contains(
                    "input \"visual\": visual features: the adapter was trained with those of clip (sha256:"))
            #expect(message.contains("found those of vision.onnx (sha256:6119131fdf03bea5"), "\(message)")
        }

        let words = [
            "--language", language, "--adapter", adapter, "--tokens", "1,2", "--image", "\(bench.inputs)/0.pgm",
        ]
        let probed = try bench.probe(words + ["--vision", folder])
        #expect(probed.ended.status == 0, "\(probed.ended.errors)")
        let refused = try bench.probe(words + ["--vision", Golden.tiny("vision.onnx")]).ended
        #expect(refused.status != 0, "\(refused.output)")
        #expect(refused.errors.contains("the adapter was trained with those of clip (sha256:"), "\(refused.errors)")
        #expect(refused.errors.contains("found those of vision.onnx (sha256:6119131fdf03bea5"), "\(refused.errors)")
    }

    /// An adapter for a model serves its conversion, and the answer says so; it does not serve a third model.
    @Test func anAdapterServesItsBaseConverted() throws {
        let (folder, vision) = (Golden.huggingFace("llama"), Golden.tiny("vision.onnx"))
        // Trained for another model than the tiny one: what counts is the fingerprint in the file.
        let adapter = try adapter(language: Golden.tiny("language.gguf"), vision: vision)
        let (once, twice) = ("\(bench.path)/once.gguf", "\(bench.path)/twice.gguf")
        for (from, to, type) in [(Golden.tiny("language.gguf"), once, "f16"), (once, twice, "q8_0")] {
            let ended = try bench.run(["models", "convert", from, "--to", type, "--out", to])
            #expect(ended.status == 0, "\(ended.errors)")
        }
        for language in [once, twice] {
            for (item, result) in try caption(language: language, adapter: adapter, vision: vision) {
                #expect(result.status == "ok", "\(item): \(result)")
                let facts = result.stage("caption")?["facts"] as? [String: String]
                #expect(facts?["base"]?.contains("was converted from the model that the adapter was made for") == true)
            }
        }
        let other = "\(bench.path)/other.gguf"
        #expect(try bench.run(["models", "convert", folder, "--to", "q8_0", "--out", other]).status == 0)
        let words = ["models", "probe", "--language", other, "--adapter", adapter, "--tokens", "1,2", "--out"]
        let ended = try bench.run(words + ["\(bench.path)/x.safetensors"])
        #expect(ended.status != 0)
        #expect(
            ended.errors.contains("made for the base model language.gguf (sha256:a645e6a3e15bd9be"), "\(ended.errors)")
    }

    /// The official files as they are: a LLaMA folder, OpenAI's CLIP, BIAS; an encoder of another width is refused.
    @Test(
        .enabled(
            if: Golden.fixture("v2-multimodal-bias/clip.pt") != nil,
            "the reference numbers are not beside the repository"))
    func officialFilesAnswer() throws {
        let folder = try #require(Golden.fixture("v2-multimodal-bias"))
        try bench.write("in/a.png", Data(contentsOf: URL(fileURLWithPath: folder + "/photo.png")))
        for (vision, status, code) in [
            ("\(folder)/clip.pt", "ok", nil), (Golden.tiny("vision.onnx"), "failed", "bad_input"),
        ] {
            let pipeline = try bench.pipeline(
                """
                pipeline: trial
                ask: Describe this picture.
                stages:
                  visual: {expert: encoder, model: \(vision)}
                  answer: {expert: generator, visual: visual, language: \(folder)/llama, adapter: \(folder)/BIAS-7B.pth, max_tokens: 4}
                answer: answer
                """)
            try? FileManager.default.removeItem(atPath: bench.out)
            let ended = try bench.run(["run", pipeline, bench.inputs, "--out", bench.out], environment: environment)
            let result = try #require(try bench.results()["a.png"], "\(ended.errors)")
            #expect(result.status == status && result.errorCode == code, "\(result)")
        }
    }
}
