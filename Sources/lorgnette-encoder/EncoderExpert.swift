import ExpertKit
import Locks
import Models
import Pictures
import Tensors
import Wire

/// Looks at a picture once: one feature for the whole and one for every patch.
final class EncoderExpert: Expert {
    static let description = ExpertDescription(
        service: "encoder", software: "lorgnette-encoder 0.1.0", about: "Turns a picture into visual features.",
        inputs: [.picture()], outputs: [.tensor("features")],
        options: [
            .string(
                "model", default: "vit_s_focus.onnx",
                "The vision transformer: an ONNX file with a DINOv2 backbone, a CLIP as OpenAI released it, or a folder of Hugging Face's with a CLIP or DINOv2; a path, or a name in the models folder."
            ),
            .strings(
                "blocks",
                "Blocks of the vision transformer, counted from 1, whose features travel besides the last one's, as tensors features.N. Without: 9 and 11, which the adapters that ship with Lorgnette read, if there are more."
            ),
            .string("dtype", default: "f32", choices: ["f32", "f16"], "How the features travel."),
            .integer(
                "batch", default: 4, in: 1...8,
                "Pictures in hand at the same time; those that wait are looked at together."),
        ], concurrency: 8)

    static let confinement = Confinement.decoder

    private let vision: VisionTransformer
    private let element: WireTensor.Element
    private let blocks: [Int]
    private let batch: EncodingBatch
    /// Pictures are decoded one at a time, so that only one large one is in memory.
    private let decoding = Locked(())
    let credit: Int
    let models: [ExpertModel]

    init(options: ExpertOptions) throws {
        let path = try DataFolder.model(options.string("model"))
        element = try options.string("dtype") == "f16" ? .f16 : .f32
        do {
            vision = try VisionTransformer(path: path)
            models = [
                ExpertModel(
                    role: "vision", name: path.lastComponent, fingerprint: try VisionTransformer.fingerprint(of: path))
            ]
        } catch {
            throw ExpertFailure.wrongModel("\(error)")
        }
        blocks = try Self.blocks(options, of: vision.configuration.layers)
        credit = try options.int("batch")
        batch = EncodingBatch(vision, with: blocks, most: credit)
    }

    private static func blocks(_ options: ExpertOptions, of layers: Int) throws(ExpertFailure) -> [Int] {
        guard options.isGiven("blocks") else { return [9, 11].filter { $0 < layers } }
        let texts = try options.strings("blocks")
        let blocks = texts.compactMap { Int($0) }.filter { (1..<layers).contains($0) }
        guard blocks.count == texts.count, Set(blocks).count == blocks.count else {
            throw .badOption(
                "option \"blocks\": expected blocks from 1 to \(layers - 1), each once, found \(texts.joined(separator: ", "))"
            )
        }
        return blocks
    }

    func warmUp() throws {
        let size = vision.configuration.imageSize
        _ = try vision.forward(Tensor(3, size, size))
    }

    func answer(_ task: ExpertTask) throws -> ExpertAnswer {
        let (pixels, facts) = try decoding.withLock { _ in
            try task.checkCancelled()
            let picture = try decoded(task)
            return (vision.pixels(of: picture), picture.facts)
        }
        try task.checkCancelled()
        let features = try batch.features(of: pixels)
        var answer = ExpertAnswer()
        answer.tensors = zip(LlamaAdapter.featureNames(blocks: blocks), features).map { name, features in
            .init(name, shape: features.shape, element: element, payload: payload(features))
        }
        answer.picture = .init(
            format: facts.format.rawValue, width: facts.width, height: facts.height, orientation: facts.orientation,
            pages: facts.pages)
        return answer
    }

    private func decoded(_ task: ExpertTask) throws(ExpertFailure) -> Picture {
        let bytes = try task.pictureBytes()
        do {
            return try Picture.load(bytes: bytes, name: task.item)
        } catch {
            throw .picture(error.code, error.description)
        }
    }

    private func payload(_ features: Tensor) -> Payload {
        switch element {
        case .f32:
            return Payload(
                adopting: UnsafeRawBufferPointer(start: features.data, count: features.count * 4),
                release: { withExtendedLifetime(features) {} })
        case .f16:
            return Payload(count: features.count * 2) { buffer in
                let halves = buffer.bindMemory(to: Float16.self)
                for i in 0..<features.count { halves[i] = Float16(features.data[i]) }
            }
        }
    }
}

extension VisionTransformer {
    /// The pixels [3, H, W] that the encoder sees of a picture.
    fileprivate func pixels(of picture: Picture) -> Tensor {
        let size = configuration.imageSize
        let square = picture.square(
            size, shorterSide: preparation.shorterSide, rounding: preparation.roundsDown ? .floor : .halfEven)
        let normalisation = PixelNormalisation(mean: preparation.mean, deviation: preparation.deviation)
        return Tensor(normalisation.apply(square), [3, size, size])
    }
}

extension String {
    /// A file's name without its folders.
    var lastComponent: String { split(separator: "/").last.map(String.init) ?? self }
}
