import Checkpoints
import Foundation
import Tensors

/// Models of random weights and real sizes, for measuring only: made once, in the data folder.
enum SyntheticModels {
    private static let folder = (ModelsFolder.path as NSString).deletingLastPathComponent + "/bench"

    /// A LLaMA of 7 billion weights in Q4_0, all of them, without the words of a vocabulary.
    static func llama7B() throws -> String {
        try made("llama-7b-random.q4_0.gguf") { path in
            let (width, hidden, layers, vocabulary) = (4096, 11008, 32, 32000)
            var writer = GGUFWriter()
            writer.set("general.architecture", .string("llama"))
            writer.set("general.name", .string("random weights, for measuring"))
            writer.set("llama.context_length", .uint32(2048))
            writer.set("llama.embedding_length", .uint32(width))
            writer.set("llama.block_count", .uint32(layers))
            writer.set("llama.feed_forward_length", .uint32(hidden))
            writer.set("llama.rope.dimension_count", .uint32(128))
            writer.set("llama.attention.head_count", .uint32(32))
            writer.set("llama.attention.head_count_kv", .uint32(32))
            writer.set("llama.attention.layer_norm_rms_epsilon", .float32(1e-5))
            writer.set("llama.vocab_size", .uint32(vocabulary))
            writer.set("tokenizer.ggml.model", .string("no_vocab"))
            writer.add("token_embd.weight", .q4_0, [vocabulary, width])
            writer.add("output_norm.weight", .f32, [width])
            writer.add("output.weight", .q4_0, [vocabulary, width])
            for i in 0..<layers {
                writer.add("blk.\(i).attn_norm.weight", .f32, [width])
                writer.add("blk.\(i).ffn_norm.weight", .f32, [width])
                for name in ["attn_q", "attn_k", "attn_v", "attn_output"] {
                    writer.add("blk.\(i).\(name).weight", .q4_0, [width, width])
                }
                writer.add("blk.\(i).ffn_gate.weight", .q4_0, [hidden, width])
                writer.add("blk.\(i).ffn_up.weight", .q4_0, [hidden, width])
                writer.add("blk.\(i).ffn_down.weight", .q4_0, [width, hidden])
            }
            let noise = Noise()
            try writer.write(to: path) { entry, part in
                if entry.type == .f32 {
                    try [Float](repeating: 1, count: entry.byteCount / 4).withUnsafeBytes(part)
                } else {
                    try noise.blocks(entry.byteCount, part)
                }
            }
        }
    }

    /// A DINOv2 of the size ViT-L/14, for pictures of 224 × 224, one at a time.
    static func visionLarge() throws -> String {
        try made("vit-l-14-random.onnx") { path in
            try ONNXVision(width: 1024, layers: 24, heads: 16).write(to: path)
        }
    }

    private static func made(_ name: String, _ make: (String) throws -> Void) throws -> String {
        let path = "\(folder)/\(name)"
        if FileManager.default.fileExists(atPath: path) { return path }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        FileHandle.standardError.write(Data("making \(path)\n".utf8))
        try make(path)
        return path
    }

    /// Bytes and numbers that look like weights: a piece of noise, taken again from ever other places.
    final class Noise {
        private static let length = 1 << 22
        private var bytes: [UInt8]
        private var place = 0

        init() {
            var random = SystemRandomNumberGenerator()
            bytes = (0..<Self.length / 8).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
        }

        /// Q4_0 blocks with scales of 1/512 or a little more.
        func blocks(_ count: Int, _ part: (UnsafeRawBufferPointer) throws -> Void) throws {
            for at in stride(from: 0, to: Self.length - 17, by: 18) {
                (bytes[at], bytes[at + 1]) = (bytes[at + 2], 0x18)
            }
            let whole = Self.length / 18 * 18
            var left = count
            while left > 0 {
                let first = place % whole / 18 * 18
                let n = min(left, whole - first)
                try bytes.withUnsafeBytes { try part(.init(rebasing: $0[first..<first + n])) }
                left -= n
                place += n + 18 * 7
            }
        }

        /// Numbers between -1/32 and 1/32.
        func floats(_ count: Int) -> [Float] {
            (0..<count).map { _ in
                place = (place + 1) % Self.length
                return Float(Int8(bitPattern: bytes[place])) / 4096
            }
        }
    }
}
