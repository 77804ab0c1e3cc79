import Checkpoints
import Crypto
import ExpertKit
import Foundation
import Models
import Training

/// Everything that a configuration names, opened and checked: models, data, features, and the trainer over them.
final class TrainingSession {
    let trainer: Trainer
    private let file: TrainingFile
    private let language: LanguageModel
    private let vision: FeatureMaker?
    private let pictures: PictureExamples?
    private let validationItems: Int

    init(_ file: TrainingFile, folder: String) throws {
        var file = file
        func place(_ path: String) -> String { path.hasPrefix("/") || folder.isEmpty ? path : "\(folder)/\(path)" }
        language = try LanguageModel(path: DataFolder.model(file.language))
        let writing = try PromptWriting(language, file)
        vision =
            file.adapter.visual == nil
            ? nil : try FeatureMaker(vision: DataFolder.model(file.vision), blocks: file.visionBlocks)
        if let vision { file.adapter.visual?.featureWidth = vision.featureWidth }
        var validation: [Example] = []
        var judges = Trainer.Judges()
        file.plan.stop = writing.stop
        if let wanted = file.pictures, let vision {
            let entries = try wanted.data.flatMap { try PictureData(folder: place($0)).entries }
            let keys = try vision.keys(entries.map(\.path), mirrors: wanted.mirror, report: Self.report("features"))
            pictures = PictureExamples(
                entries, keys: keys, store: vision.store, writing: writing, wanted)
            if file.plan.rewards != nil {
                judges.pictures = CaptionScores(entries.map(\.captions), writing, countsEnd: true)
            }
            if let (data, count) = file.validation {
                let held = Array(try PictureData(folder: place(data)).entries.prefix(count))
                let keys = try vision.keys(held.map(\.path), mirrors: false, report: Self.report("validation features"))
                let source = PictureExamples(
                    held, keys: keys, store: vision.store, writing: writing, TrainingFile.Pictures())
                validation = try (0..<source.count).map { try source.example($0, epoch: 0, seed: 0) }
                judges.validation = CaptionScores(held.map(\.captions), writing, countsEnd: false)
            }
        } else {
            pictures = nil
        }
        let vision = vision
        let instructions = try file.instructions.map { wanted in
            let entries = try wanted.data.flatMap { try InstructionData(path: place($0)).entries }
            let paths = Set(entries.compactMap(\.picture)).sorted()
            let keys = try vision?.keys(paths, mirrors: false, report: Self.report("features")).map(\.straight) ?? []
            let source = try InstructionExamples(
                entries, writing: writing, longest: wanted.longest,
                pictures: Dictionary(uniqueKeysWithValues: zip(paths, keys)), store: vision?.store,
                features: file.pictures?.features ?? 0)
            if source.leftOut > 0 {
                TrainingProgress.say(
                    "\(source.leftOut) instructions are longer than \(wanted.longest) tokens and left out")
            }
            return source
        }
        let network: AdapterNetwork
        if let start = file.start {
            network = try AdapterNetwork(
                language.llama, file.adapter, from: CheckpointReader.open(place(start)), groups: file.startGroups,
                seed: file.plan.seed, precision: file.precision)
        } else {
            network = try AdapterNetwork(
                language.llama, file.adapter, seed: file.plan.seed, precision: file.precision)
        }
        network.recomputes = file.recomputes
        self.file = file
        validationItems = validation.count
        trainer = Trainer(
            network, file.plan, pictures: pictures, instructions: instructions, validation: validation,
            judges: judges)
        let learned = trainer.network.parameters.filter(\.isTrained).reduce(0) { $0 + $1.value.count }
        TrainingProgress.say(
            "\(pictures?.count ?? 0) pictures, \(instructions?.count ?? 0) instructions, \(validationItems) to validate on; "
                + "\(learned) weights to train")
    }

    /// The warm start of the visual projection, if the configuration has one.
    func warmUp() throws {
        guard let lens = file.lens, let pictures else { return }
        let captions = (0..<pictures.count).map(pictures.words)
        let warmUp = try LensWarmUp(trainer.network, lens, seed: file.plan.seed, captions: captions)
        var sum = 0.0
        try warmUp.run { index, bits in
            try pictures.features(index, mirrored: bits & 1 == 1)
        } report: { step, loss in
            sum += loss
            if step % 50 == 0 {
                TrainingProgress.say(
                    "warm start \(step)/\(lens.steps): \(TrainingProgress.short(sum / 50, 2)) nats a picture")
                sum = 0
            }
        }
        if validationItems > 0 {
            let v = try trainer.validate()
            TrainingProgress.say(
                "before the first step: seen \(TrainingProgress.short(v.seen)), another's features \(TrainingProgress.short(v.shuffled))"
            )
        }
    }

    /// What a run is known by: its configuration, models and amount of data. A state is taken up by the same run only.
    func identity(of text: String) throws -> String {
        let parts = [
            text, language.fingerprint, vision?.fingerprint ?? "", "\(pictures?.count ?? 0)", "\(validationItems)",
        ]
        let digest = SHA256.hash(data: Data(parts.joined(separator: "\n").utf8))
        return digest.prefix(8).map { String(format: "%02x", $0) }.joined()
    }

    /// What the adapter's file says of itself.
    var facts: [String: String] {
        var facts = file.facts
        facts["role"] = file.role
        facts["base"] = language.name
        facts["base_sha256"] = language.fingerprint.hex
        facts["steps"] = "\(trainer.step)"
        facts["captions"] = "\(trainer.captions)"
        facts["seed"] = "\(file.plan.seed)"
        facts["stop"] = "<|im_end|>"
        if let vision {
            facts["vision"] = vision.name
            facts["vision_sha256"] = vision.fingerprint.hex
        }
        if !file.visionBlocks.isEmpty {
            facts["vision_blocks"] = file.visionBlocks.map { "\($0)" }.joined(separator: ",")
        }
        if let pictures = file.pictures {
            facts["image"] = vision?.preparation
            facts["prompt"] = pictures.prompt
            facts["ask"] = pictures.ask
            facts["system"] = pictures.system
        }
        if let system = file.instructions?.system { facts["system"] = system }
        return facts
    }

    private static func report(_ what: String) -> (Int, Int) -> Void {
        let start = ContinuousClock.now
        var last = start
        return { done, all in
            let now = ContinuousClock.now
            guard now - last > .seconds(5) else { return }
            last = now
            let rate = Double(done) / TrainingProgress.seconds(now - start)
            TrainingProgress.say("\(what): \(done) of \(all), \(Int(Double(all - done) / rate)) s left")
        }
    }
}
