import Checkpoints

extension VisionTransformer {
    /// The encoder in a file or folder, told by what is in it: DINOv2 in ONNX, OpenAI's CLIP in PyTorch's format, a CLIP
    /// or DINOv2 in a folder of Hugging Face's. Throws `CheckpointError` or `ModelError` for another.
    public init(path: String) throws {
        if HuggingFaceFolder.isOne(path) {
            try self.init(HuggingFaceFolder(path: path))
            return
        }
        let checkpoint = try CheckpointReader.open(path)
        if let onnx = checkpoint as? ONNXInitialisers {
            try self.init(onnx: onnx)
        } else {
            try self.init(clip: checkpoint)
        }
    }

    /// "sha256:…" of an encoder's file, or of a folder's weights in order.
    public static func fingerprint(of path: String) throws -> String {
        try Fingerprint.sha256(of: HuggingFaceFolder.isOne(path) ? HuggingFaceFolder(path: path).weights : [path])
    }

    /// The CLIP or DINOv2 in a folder of Hugging Face's.
    init(_ folder: HuggingFaceFolder) throws(ModelError) {
        switch try folder.config.word("model_type", of: ["clip", "clip_vision_model", "dinov2"]) {
        case "dinov2": try self.init(dinov2: folder)
        default: try self.init(clip: folder)
        }
    }
}
