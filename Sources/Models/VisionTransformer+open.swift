import Checkpoints

extension VisionTransformer {
    /// What an encoder was trained as; it says how a picture is prepared for it.
    public enum Family: Sendable {
        /// The whole picture, squeezed to a square; ImageNet's normalisation.
        case dinov2
        /// The middle square of the picture; CLIP's normalisation.
        case clip
    }

    /// Only CLIP has a norm before its blocks.
    public var family: Family { weights.preNorm == nil ? .dinov2 : .clip }

    /// The encoder in a file, told by its format: DINOv2 in ONNX, OpenAI's CLIP in PyTorch's. Throws `CheckpointError` or
    /// `ModelError` for another file.
    public init(path: String) throws {
        let checkpoint = try CheckpointReader.open(path)
        if let onnx = checkpoint as? ONNXInitialisers {
            try self.init(onnx: onnx)
        } else {
            try self.init(clip: checkpoint)
        }
    }
}
