import Checkpoints
import Golden
import Models
import Tensors

extension Subject {
    /// Every reader of files that somebody else may have made.
    public static let all = modern + released + pictures + pipelines

    /// Every reader of checkpoints, configurations and tokenizers, with small files that are in the repository.
    private static let modern: [Subject] = [
        Subject("safetensors", fixtures + "checkpoints/types.safetensors") { touch(try CheckpointReader.open($0)) },
        Subject(
            "safetensors-index", llama + "/model.safetensors.index.json",
            beside: besides("model.safetensors.index.json"),
            as: "model.safetensors.index.json", opensFolder: true, open: answer),
        Subject("gguf", fixtures + "checkpoints/types.gguf") { touch(try CheckpointReader.open($0)) },
        Subject("gguf-model", Golden.tiny("language.gguf"), open: answer),
        Subject("onnx", fixtures + "checkpoints/types.onnx") { touch(try CheckpointReader.open($0)) },
        Subject("onnx-model", Golden.tiny("vision.onnx")) { _ = try VisionTransformer(path: $0) },
        Subject("pytorch", fixtures + "checkpoints/types.pth") { touch(try CheckpointReader.open($0)) },
        Subject("torchscript", fixtures + "checkpoints/modules.pt") { touch(try CheckpointReader.open($0)) },
        Subject(
            "config.json", llama + "/config.json", beside: besides("config.json"), as: "config.json", opensFolder: true,
            open: answer),
        Subject(
            "clip-config.json", Golden.huggingFace("clip/config.json"),
            beside: [(Golden.huggingFace("clip/model.safetensors"), "model.safetensors")], as: "config.json",
            opensFolder: true
        ) { _ = try VisionTransformer(path: $0) },
        Subject("tokenizer.model", fixtures + "tokenizer/pieces.model") { speak(try SentencePiece(model: $0)) },
        Subject("tokenizer.json", fixtures + "tokenizer/tokenizer.json") { speak(try ByteLevelBPE(tokenizerJSON: $0)) },
        Subject("tokenizer-gguf", Golden.tiny("language.gguf")) { speak(try ByteLevelBPE(gguf: GGUF(path: $0))) },
        Subject("tokenizer-llama3", fixtures + "tokenizer/llama3.json") { speak(try ByteLevelBPE(tokenizerJSON: $0)) },
        Subject("adapter", Golden.tiny("adapter.safetensors")) { path in
            let adapter = try tiny.get().adapter(path: path)
            _ = try adapter.visualQuery(Tensor(2, adapter.configuration.featureWidth))
        },
    ]

    /// The same with files in the layouts that were released.
    public static let released: [Subject] = [
        Subject(
            "llama.pth", official + "llama/7B/consolidated.00.pth", beside: shards("consolidated.00.pth"),
            as: "consolidated.00.pth", opensFolder: true, open: answer),
        Subject(
            "params.json", official + "llama/7B/params.json", beside: shards("params.json"), as: "params.json",
            opensFolder: true, open: answer),
        Subject("v1.pth", official + "v1.pth") { _ = try small.get().adapter(path: $0, promptLength: 4) },
        Subject("dialog.pth", official + "dialog.pth") { _ = try small.get().adapter(path: $0) },
        Subject("lora.pth", official + "LORA-BIAS-7B.pth") { path in
            let adapter = try small.get().adapter(path: path, visualHeads: 4)
            _ = try adapter.visualQuery(Tensor(2, adapter.configuration.featureWidth))
        },
        Subject(
            "hparams.json", official + "hparams.json", beside: [(official + "BIAS-7B.pth", "BIAS-7B.pth")],
            as: "hparams.json", opensFolder: true
        ) { _ = try small.get().adapter(path: $0 + "/BIAS-7B.pth") },
        Subject("clip.pt", official + "clip.pt", open: see),
        Subject(
            "preprocessor.json", official + "dinov2/preprocessor_config.json",
            beside: [
                (official + "dinov2/config.json", "config.json"),
                (official + "dinov2/model.safetensors", "model.safetensors"),
            ],
            as: "preprocessor_config.json", opensFolder: true
        ) { _ = try VisionTransformer(path: $0) },
    ]

    private static let official = fixtures + "official/"
    private static let small = Result { try LanguageModel(path: official + "llama") }

    /// The files of the small LLaMA as it was released but for one.
    private static func shards(_ name: String) -> [(file: String, name: String)] {
        let files = ["params.json", "consolidated.00.pth", "consolidated.01.pth"].map { ("7B/" + $0, $0) }
        return (files + [("tokenizer.model", "tokenizer.model")]).filter { $0.1 != name }
            .map { (official + "llama/" + $0.0, $0.1) }
    }

    /// An encoder looks at a picture.
    @Sendable private static func see(_ path: String) throws {
        let vision = try VisionTransformer(path: path)
        let size = vision.configuration.imageSize
        if size < 64 { _ = try vision.forward(Tensor(3, size, size)) }
    }

    private static let fixtures = Golden.repository + "/Tests/Fixtures/"
    private static let llama = Golden.huggingFace("llama")
    private static let tiny = Result { try LanguageModel(path: Golden.tiny("language.gguf")) }

    /// The files of the small LLaMA but for one.
    private static func besides(_ name: String) -> [(file: String, name: String)] {
        let parts = (1...3).map { "model-0000\($0)-of-00003.safetensors" }
        return (["config.json", "model.safetensors.index.json", "tokenizer.json"] + parts).filter { $0 != name }
            .map { (llama + "/" + $0, $0) }
    }

    /// Everything that a checkpoint offers.
    @Sendable private static func touch(_ file: any Checkpoint) {
        for name in file.names {
            guard let view = file.view(name) else { continue }
            _ = try? view.matrix()
            _ = try? view.tensor()
        }
        for value in file.metadata.values {
            _ = (value.string, value.int, value.double, value.array?.integers, value.array?.doubles)
            for value in value.array?.values ?? [] { _ = value.array?.values }
            value.array?.forEachString { _ = $0.count }
        }
    }

    /// Words to tokens and back.
    @Sendable private static func speak(_ tokenizer: any Tokenizer) {
        let ids = tokenizer.encode("the and\n ab'll 19 é你好😀 [X]<|im_end|>", special: true)
        for id in ids + [0, 1, tokenizer.vocabularySize - 1] { _ = tokenizer.bytes(of: id) }
        _ = tokenizer.decode(ids.reversed())
    }

    /// A model reads a few tokens.
    @Sendable private static func answer(_ path: String) throws {
        let model = try LanguageModel(path: path)
        let state = try Llama.State(model.llama, capacity: min(8, model.llama.configuration.context))
        _ = try? model.llama.forward([1, 2, 3], state)
        speak(model.tokenizer)
    }
}
