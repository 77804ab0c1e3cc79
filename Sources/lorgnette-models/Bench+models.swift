import Checkpoints
import Foundation
import Models
import Tensors

extension Bench {
    /// Tokens of the prompt and tokens decoded after it, as the peers are told.
    private static let decoding = (prompt: 64, tokens: 128)

    /// One sequence: each token reads all weights once.
    func decode() throws -> Row { try decode(.decode, language, tokens: Self.decoding.tokens) }

    func decode7B() throws -> Row {
        try decode(.decode7B, try SyntheticModels.llama7B(), tokens: 16)
    }

    private func decode(_ measurement: Measurement, _ path: String, tokens: Int) throws -> Row {
        let model = try Llama(gguf: try GGUF(path: path))
        let prompt = Self.decoding.prompt
        let state = try Llama.State(model, capacity: prompt + tokens + 8)
        let vocabulary = model.configuration.vocabulary
        return try alternate(
            measurement, "tokens/s", ceiling: { Ceiling.bandwidth() / Double(model.bytesPerToken) },
            ours: {
                state.reset()
                try model.forward((0..<prompt).map { (7 * $0 + 5) % vocabulary }, state)
                return try Self.rate(of: tokens) {
                    for step in 0..<tokens { try model.forward([(11 * step + 3) % vocabulary], state) }
                }
            },
            peer: peer(
                ["language", path, "--prompt", "\(prompt)", "--tokens", "\(tokens)"], "decode_tokens_per_second"))
    }

    /// Eight sequences together: the weights are read once for a step of all, or arithmetic is the limit.
    func decodeBatch8() throws -> Row {
        let model = try Llama(gguf: try GGUF(path: language))
        let (prompt, tokens, sequences) = (Self.decoding.prompt, 64, 8)
        let capacity = prompt + tokens + 8
        let workspace = Llama.Workspace(model, capacity: capacity, states: sequences)
        let states = try (0..<sequences).map { _ in try Llama.State(model, capacity: capacity, workspace) }
        let vocabulary = model.configuration.vocabulary
        return try alternate(
            .decodeBatch8, "tokens/s",
            ceiling: {
                min(
                    Ceiling.bandwidth() / Double(model.bytesPerToken) * Double(sequences),
                    Ceiling.quantisedArithmetic() / model.operationsPerToken)
            },
            ours: {
                for (s, state) in states.enumerated() {
                    state.reset()
                    try model.forward((0..<prompt).map { (7 * $0 + 13 * s + 5) % vocabulary }, state)
                }
                return try Self.rate(of: tokens * sequences) {
                    for step in 0..<tokens {
                        let next = (0..<sequences).map { (11 * step + $0 + 3) % vocabulary }
                        if let error = model.step(next, states, workspace).compactMap({ $0 }).first { throw error }
                    }
                }
            },
            peer: peer(
                [
                    "language", language, "--prompt", "\(prompt)", "--tokens", "\(tokens)", "--sequences",
                    "\(sequences)",
                ], "decode_tokens_per_second"))
    }

    func prefill() throws -> Row {
        let model = try Llama(gguf: try GGUF(path: language))
        let length = 512
        let state = try Llama.State(model, capacity: length + 8)
        let prompt = (0..<length).map { (7 * $0 + 5) % model.configuration.vocabulary }
        return try alternate(
            .prefill, "tokens/s", ceiling: { Ceiling.quantisedArithmetic() / model.operationsPerPromptToken(length) },
            ours: {
                state.reset()
                return try Self.rate(of: length) { try model.forward(prompt, state) }
            },
            peer: peer(["language", language, "--prompt", "\(length)", "--tokens", "4"], "prefill_tokens_per_second"))
    }

    func encoder(_ measurement: Measurement, _ path: String, pictures: Int) throws -> Row {
        let model = try VisionTransformer(onnx: try ONNXInitialisers(path: path))
        let size = model.configuration.imageSize
        let batch = (0..<pictures).map { picture in
            let pixels = Tensor(3, size, size)
            // Any finite values cost the same; these are those of a smooth picture.
            for index in 0..<pixels.count { pixels.data[index] = Float((index + picture) % 255) / 127.5 - 1 }
            return pixels
        }
        // As long as the peer measures: a second, and four times at least.
        func rate() throws -> Double {
            var (done, time) = (0, 0.0)
            while done < 4 * pictures || time < 1 {
                time += try Self.seconds { _ = try model.forward(batch: batch) }
                done += pictures
            }
            return Double(done) / time
        }
        return try alternate(
            measurement, "pictures/s", ceiling: { Ceiling.arithmetic() / model.operations(height: size, width: size) },
            ours: rate,
            peer: peer(
                ["vision", path, "--batch", "\(pictures)", "--output", "/backbone/layernorm/Add_1_output_0"],
                "pictures_per_second"))
    }
}
