import Checkpoints
import Crypto
import ExpertKit
import Foundation
import Models
import Pictures
import Tensors
import Training

/// Computes the visual features of pictures that the store does not have yet.
struct FeatureMaker {
    private let vision: VisionTransformer
    private let blocks: [Int]
    /// The model's file or folder, without those above.
    let name: String
    let fingerprint: String
    let store: FeatureStore

    /// - Parameter blocks: of the vision transformer, counted from 1, whose features are looked at besides the last.
    init(vision path: String, blocks: [Int]) throws {
        vision = try VisionTransformer(path: path)
        self.blocks = blocks
        name = path.split(separator: "/").last.map(String.init) ?? path
        let last = vision.configuration.layers - 1
        if let wrong = blocks.first(where: { !(1...last).contains($0) }) {
            throw TrainFault("vision_blocks: expected blocks from 1 to \(last), found \(wrong)")
        }
        fingerprint = try VisionTransformer.fingerprint(of: path)
        let folder = "\(DataFolder.home)/features"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let size = vision.configuration.imageSize
        store = try FeatureStore(
            path: "\(folder)/\(Self.name(fingerprint, blocks, vision.preparation)).f16",
            rows: vision.tokens(height: size, width: size),
            columns: vision.featureWidth + blocks.count * vision.configuration.width)
    }

    /// How pictures are prepared, in words.
    var preparation: String { vision.preparation.description }

    /// A store's name. Two folders may have the same weights and prepare pictures differently.
    private static func name(_ fingerprint: String, _ blocks: [Int], _ preparation: PicturePreparation) -> String {
        let name = "\(fingerprint.hex.prefix(16))" + blocks.map { "-\($0)" }.joined()
        if preparation == .imageNet { return name }
        let digest = SHA256.hash(data: Data("\(preparation)".utf8))
        return name + "-p" + digest.prefix(4).map { String(format: "%02x", $0) }.joined()
    }

    var featureWidth: Int { store.columns }

    /// The keys of the pictures' features, which are made where they are missing. Throws with every picture that cannot
    /// be read; `report` gets how many are done and how many there are.
    func keys(
        _ paths: [String], mirrors: Bool, report: (Int, Int) -> Void
    ) throws -> [(straight: String, mirrored: String?)] {
        var keys: [(straight: String, mirrored: String?)] = []
        var faults: [String] = []
        for (i, path) in paths.enumerated() {
            do {
                let hash = try Fingerprint.sha256(of: path).hex
                let mirrored = mirrors ? Self.mirrorKey(hash) : nil
                try make(hash, path, isMirrored: false)
                if let mirrored { try make(mirrored, path, isMirrored: true) }
                keys.append((hash, mirrored))
            } catch let error as FeatureStoreError {
                throw error
            } catch {
                faults.append("\(error)")
            }
            report(i + 1, paths.count)
        }
        if !faults.isEmpty { throw TrainFault(faults.prefix(20).joined(separator: "\n")) }
        return keys
    }

    private func make(_ key: String, _ path: String, isMirrored: Bool) throws {
        if store.contains(key) { return }
        let size = vision.configuration.imageSize
        let preparation = vision.preparation
        var picture = try Picture.load(path: path).square(
            size, shorterSide: preparation.shorterSide, rounding: preparation.roundsDown ? .floor : .halfEven)
        if isMirrored { picture = picture.mirrored() }
        let normalisation = PixelNormalisation(mean: preparation.mean, deviation: preparation.deviation)
        let pixels = Tensor(normalisation.apply(picture), [3, size, size])
        try store.add(key, Tensor(beside: vision.forward(pixels, with: blocks)))
    }

    /// A picture in a mirror is another picture, told from the first by its first digit, which is none.
    private static func mirrorKey(_ hash: String) -> String { "m" + hash.dropFirst() }
}

extension Picture {
    /// Left and right exchanged.
    fileprivate func mirrored() -> Picture {
        var out = rgb
        for y in 0..<height {
            for x in 0..<width {
                for c in 0..<3 { out[(y * width + x) * 3 + c] = rgb[(y * width + width - 1 - x) * 3 + c] }
            }
        }
        return Picture(width: width, height: height, rgb: out, facts: facts)
    }
}

extension String {
    /// A fingerprint without "sha256:".
    var hex: String { split(separator: ":").last.map(String.init) ?? self }
}

/// What makes a run impossible.
struct TrainFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
