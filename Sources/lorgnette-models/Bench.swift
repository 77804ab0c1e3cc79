import ArgumentParser
import Foundation
import Tensors

/// Measures what this machine does with models, folders and stages; with `--peers`, beside the programs people would pick
/// instead, in turn, in one run.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures models, folders and stages: medians with their spread, beside what the machine can do at most.",
        discussion: """
            --peers COMMAND: a program called as `COMMAND language FILE --threads N …` and `COMMAND vision FILE …` that \
            prints one JSON object with its rates. Ours and the peer's repetitions alternate.

            Ceilings: what the memory's bandwidth and the arithmetic of all threads, measured beside each repetition, would allow. \
            decode-7b and encoder-vit-l-14 make models of random weights, once, of 5 GB together, in the data folder's bench.
            """)

    @Option(help: "Program that measures the peers on the same files and threads.") var peers: String?
    @Option(help: "Repetitions of each measurement.") var repeats = 5
    @Option(help: "Threads, ours and the peers'.") var threads = 2
    @Option(
        parsing: .upToNextOption,
        help: "Only these measurements: \(Measurement.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: [Measurement] = []
    @Option(help: "A LLaMA as GGUF.") var language = ModelsFolder.path + "/SmolLM2-135M-Instruct.Q4_1.gguf"
    @Option(help: "A vision transformer as ONNX.") var vision = ModelsFolder.path + "/vit_s_focus.onnx"
    @Option(help: "Pictures for folder-captions. Without: the demo's, again and again.") var pictures: String?
    @Option(help: "Upright pictures of text for folder-ocr. Without: drawn pages.") var scans: String?
    @Option(help: "Pipeline files.") var pipelines = "pipelines"
    @Option(help: "Program that times a training step of the same shapes (peer_train.py).") var trainPeer: String?
    @Flag(help: "Print JSON.") var json = false

    enum Measurement: String, CaseIterable, ExpressibleByArgument {
        case decode, prefill
        case decode7B = "decode-7b"
        case decodeBatch8 = "decode-batch8"
        case encoder1 = "encoder-1"
        case encoder8 = "encoder-8"
        case encoderViTL14 = "encoder-vit-l-14"
        case folderCaptions = "folder-captions"
        case folderOCR = "folder-ocr"
        case stageOverhead = "stage-overhead"
        case firstToken = "first-token"
        case memory
        case trainF32 = "train-f32"
        case trainBF16 = "train-bf16"

        /// Training steps take minutes, and are measured when they are asked for.
        static let usual = allCases.filter { $0 != .trainF32 && $0 != .trainBF16 }
    }

    func validate() throws {
        if repeats < 1 { throw ValidationError("--repeats: expected a number from 1, found \(repeats)") }
        if threads < 1 { throw ValidationError("--threads: expected a number from 1, found \(threads)") }
    }

    func run() throws {
        // The shared pool reads this when it is first used, which is below.
        setenv("LORGNETTE_THREADS", String(threads), 1)
        tell(
            String(
                format:
                    "%d threads, %@ kernels: %.1f GB/s from memory, %.0f GFLOP/s with float32 weights, %.0f with quantised ones",
                threads, Kernels.name, Ceiling.bandwidth() / 1e9, Ceiling.arithmetic() / 1e9,
                Ceiling.quantisedArithmetic() / 1e9))
        var rows: [Row] = []
        for measurement in only.isEmpty ? Measurement.usual : only {
            tell("\(measurement.rawValue)…")
            let row =
                switch measurement {
                case .decode: try decode()
                case .prefill: try prefill()
                case .decode7B: try decode7B()
                case .decodeBatch8: try decodeBatch8()
                case .encoder1: try encoder(.encoder1, vision, pictures: 1)
                case .encoder8: try encoder(.encoder8, vision, pictures: 8)
                case .encoderViTL14: try encoder(.encoderViTL14, try SyntheticModels.visionLarge(), pictures: 1)
                case .folderCaptions: try folderCaptions()
                case .folderOCR: try folderOCR()
                case .stageOverhead: try stageOverhead()
                case .firstToken: try firstToken()
                case .memory: try memory()
                case .trainF32: try training(.float32)
                case .trainBF16: try training(.bfloat16)
                }
            rows.append(row)
        }
        print(json ? Row.json(rows) : Row.table(rows))
    }

    func tell(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    /// One unmeasured round of ours, then ours, what the machine allows and the peer's in turn: what others do on the machine
    /// moves all three within minutes.
    func alternate(
        _ measurement: Measurement, _ unit: String, ceiling: (() -> Double)? = nil, ours: () throws -> Double,
        peer: (() throws -> Double)? = nil
    ) throws -> Row {
        _ = try ours()
        var row = Row(name: measurement.rawValue, unit: unit)
        for _ in 0..<repeats {
            row.ours.append(try ours())
            if let ceiling { row.ceilings.append(ceiling()) }
            if let peer { row.peer.append(try peer()) }
        }
        return row
    }

    /// The peer's rate under `key`, measured anew at each call; nil if there is no peer.
    func peer(_ words: [String], _ key: String) -> (() throws -> Double)? {
        peers.map { command in { try Peer(command: command, threads: threads, repeats: 1).rate(words, key: key) } }
    }

    static func rate(of count: Int, _ work: () throws -> Void) rethrows -> Double {
        Double(count) / (try seconds(work))
    }

    static func seconds(_ work: () throws -> Void) rethrows -> Double {
        let time = try ContinuousClock().measure(work)
        return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
    }
}
