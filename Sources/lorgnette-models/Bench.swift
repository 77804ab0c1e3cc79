import ArgumentParser
import Checkpoints
import Foundation
import Models
import Tensors

/// Measures what this machine does with the starter models; with `--peers`, beside the programs people would pick
/// instead, in turn, in one run.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures decoding, prefill and the encoder: medians with their spread.",
        discussion: """
            --peers COMMAND: a program called as `COMMAND language FILE --threads N …` and `COMMAND vision FILE …` that \
            prints one JSON object with its rates. Ours and the peer's repetitions alternate.
            """)

    @Option(help: "Program that measures the peers on the same files and threads.") var peers: String?
    @Option(help: "Repetitions of each measurement.") var repeats = 5
    @Option(help: "Threads, ours and the peers'.") var threads = 2
    @Option(help: "Only these measurements: decode, prefill, encoder-1, train-f32, train-bf16.") var only: [String] = []
    @Option(help: "A LLaMA as GGUF.") var language = ModelsFolder.path + "/SmolLM2-135M-Instruct.Q4_1.gguf"
    @Option(help: "A vision transformer as ONNX.") var vision = ModelsFolder.path + "/vit_s_focus.onnx"
    @Option(help: "Program that times a training step of the same shapes (peer_train.py).") var trainPeer: String?
    @Flag(help: "Print JSON.") var json = false

    /// Tokens of the prompt and tokens decoded after it, as the peers are told.
    private static let decoding = (prompt: 64, tokens: 128)
    private static let prefill = 512

    private static let names = ["decode", "prefill", "encoder-1", "train-f32", "train-bf16"]

    func validate() throws {
        if repeats < 1 { throw ValidationError("--repeats: expected a number from 1, found \(repeats)") }
        let unknown = only.filter { !Self.names.contains($0) }
        if !unknown.isEmpty { throw ValidationError("--only: unknown \(unknown.joined(separator: ", "))") }
    }

    func run() throws {
        // The shared pool reads this when it is first used, which is below.
        setenv("LORGNETTE_THREADS", String(threads), 1)
        var rows: [Row] = []
        for name in Self.names where only.isEmpty || only.contains(name) {
            switch name {
            case "decode": rows.append(try decode())
            case "prefill": rows.append(try prefill())
            case "encoder-1": rows.append(try encoder())
            case "train-f32": rows.append(try training(.float32))
            default: if NarrowMatrix.isAvailable { rows.append(try training(.bfloat16)) }
            }
        }
        print(json ? Row.json(rows) : Row.table(rows))
    }

    private func decode() throws -> Row {
        let model = try Llama(gguf: try GGUF(path: language))
        let (prompt, tokens) = Self.decoding
        let state = try Llama.State(model, capacity: prompt + tokens + 8)
        let vocabulary = model.configuration.vocabulary
        let words = ["--prompt", "\(prompt)", "--tokens", "\(tokens)"]
        return try alternate("decode", "tokens/s", ["language", language] + words, "decode_tokens_per_second") {
            state.reset()
            try model.forward((0..<prompt).map { (7 * $0 + 5) % vocabulary }, state)
            return try Self.rate(of: tokens) {
                for step in 0..<tokens { try model.forward([(11 * step + 3) % vocabulary], state) }
            }
        }
    }

    private func prefill() throws -> Row {
        let model = try Llama(gguf: try GGUF(path: language))
        let state = try Llama.State(model, capacity: Self.prefill + 8)
        let prompt = (0..<Self.prefill).map { (7 * $0 + 5) % model.configuration.vocabulary }
        let words = ["--prompt", "\(Self.prefill)", "--tokens", "4"]
        return try alternate("prefill", "tokens/s", ["language", language] + words, "prefill_tokens_per_second") {
            state.reset()
            return try Self.rate(of: prompt.count) { try model.forward(prompt, state) }
        }
    }

    private func encoder() throws -> Row {
        let model = try VisionTransformer(onnx: try ONNXInitialisers(path: vision))
        let size = model.configuration.imageSize
        let pixels = Tensor(3, size, size)
        // Any finite values cost the same; these are those of a smooth picture.
        for index in 0..<pixels.count { pixels.data[index] = Float(index % 255) / 127.5 - 1 }
        let pictures = 8
        let words = ["--batch", "1", "--output", "/backbone/layernorm/Add_1_output_0"]
        return try alternate("encoder-1", "pictures/s", ["vision", vision] + words, "pictures_per_second") {
            try Self.rate(of: pictures) { for _ in 0..<pictures { _ = try model.forward(pixels) } }
        }
    }

    /// One unmeasured round, then ours and the peer's in turn.
    private func alternate(
        _ name: String, _ unit: String, _ words: [String], _ key: String, ours: () throws -> Double
    ) throws -> Row {
        _ = try ours()
        var row = Row(name: name, unit: unit)
        for _ in 0..<repeats {
            row.ours.append(try ours())
            if let peers { row.peer.append(try Peer(command: peers, threads: threads, repeats: 1).rate(words, key: key)) }
        }
        return row
    }

    static func rate(of count: Int, _ work: () throws -> Void) rethrows -> Double {
        let seconds = try ContinuousClock().measure(work)
        return Double(count) / (Double(seconds.components.seconds) + Double(seconds.components.attoseconds) * 1e-18)
    }
}
