import Checkpoints
import Models
import Tensors
import Training

extension Bench {
    /// Captions a second in a step of LLaMA-Adapter V2's training as released: visual projection of two blocks, prompts
    /// and gates in all layers but the first, norms and biases everywhere; 8 pictures with 4 captions of 17 tokens.
    /// The shapes of `peer_train.py`, which is the peer (`--train-peer`).
    func training(_ precision: Precision) throws -> Row {
        let base = try Llama(gguf: try GGUF(path: language))
        let (pictures, captions, length) = (8, 4, 17)
        var adapter = AdapterPlan()
        adapter.visual = .init(featureWidth: 384, width: 384, blocks: 2, heads: 6, queries: 10)
        (adapter.prompts, adapter.promptLayers) = (10, base.configuration.layers - 1)
        (adapter.tunedLayers, adapter.norms, adapter.biases) = (base.configuration.layers, true, true)
        var plan = TrainingPlan()
        (plan.steps, plan.warmUp) = (1 << 20, 1)
        plan.pictures = .init(batch: pictures, atOnce: pictures, groups: [.visual, .tuning])
        let network = try AdapterNetwork(base, adapter, seed: 1, precision: precision)
        let trainer = Trainer(
            network, plan,
            pictures: RandomExamples(
                tokens: base.configuration.vocabulary, captions: captions, length: length, seed: plan.seed),
            instructions: nil, validation: [])
        let words = ["--pictures", "\(pictures)", "--captions", "\(captions)", "--length", "\(length)", "--steps", "1"]
        var row = Row(name: "train-" + (precision == .float32 ? "f32" : "bf16"), unit: "captions/s")
        try trainer.advance()
        for _ in 0..<repeats {
            row.ours.append(try Self.rate(of: pictures * captions) { try trainer.advance() })
            if let trainPeer {
                let peer = Peer(command: trainPeer, threads: threads, repeats: nil)
                row.peer.append(try peer.rate(words + ["--dtype", precision.rawValue], key: "captions_per_second"))
            }
        }
        return row
    }
}

/// Pictures of noise with captions of random tokens, new ones at every step, so that nothing can be kept.
private struct RandomExamples: ExampleSource {
    let tokens: Int
    let captions: Int
    let length: Int
    let seed: UInt64

    var count: Int { 4096 }
    func name(_ index: Int) -> String { "example \(index)" }
    var vocabulary: Set<Int> { Set(0..<tokens) }

    func example(_ index: Int, epoch: Int, seed: UInt64) -> Example {
        var random = SplitMix64(UInt64(epoch * count + index) &+ seed)
        func some(_ count: Int) -> [Int] { (0..<count).map { _ in Int.random(in: 0..<tokens, using: &random) } }
        let prompt = some(1)
        let continuations = (0..<captions).map { _ in some(length - 1) }
        let features = Tensor((0..<257 * 384).map { _ in Float.random(in: -2...2, using: &random) }, [257, 384])
        return Example(features: features, prompt: prompt, continuations: continuations)
    }
}
