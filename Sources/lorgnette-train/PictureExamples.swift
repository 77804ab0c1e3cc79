import Models
import Tensors
import Training

/// Pictures with captions as examples: features from the store, captions as tokens.
final class PictureExamples: ExampleSource {
    private let entries: [PictureData.Entry]
    /// For each entry the key of its features, and of those in a mirror.
    private let keys: [(straight: String, mirrored: String?)]
    private let store: FeatureStore
    private let prompt: [Int]
    /// For each entry its captions as tokens, the end included.
    private let captions: [[[Int]]]
    private let wanted: TrainingFile.Pictures

    init(
        _ entries: [PictureData.Entry], keys: [(straight: String, mirrored: String?)], store: FeatureStore,
        writing: PromptWriting, _ wanted: TrainingFile.Pictures
    ) {
        (self.entries, self.keys, self.store, self.wanted) = (entries, keys, store, wanted)
        prompt = writing.picturePrompt
        captions = entries.map { $0.captions.map(writing.caption) }
    }

    var count: Int { entries.count }
    func name(_ index: Int) -> String { entries[index].path }
    var vocabulary: Set<Int> { Set(captions.joined().joined()) }

    func example(_ index: Int, epoch: Int, seed: UInt64) throws -> Example {
        // The choice of a pass depends on nothing but picture, pass and seed.
        var random = SplitMix64(seed &+ UInt64(index) &* 0x2545_f491_4f6c_dd1d &+ UInt64(epoch) &* 0x9e37_79b9)
        let mirrored = keys[index].mirrored
        let isMirrored = mirrored != nil && random.next() & 1 == 1
        let key = isMirrored ? mirrored ?? keys[index].straight : keys[index].straight
        var chosen = captions[index]
        if chosen.count > wanted.captions { chosen = Array(chosen.shuffled(using: &random).prefix(wanted.captions)) }
        let features = try store.features(key)?.someFeatures(wanted.features, &random)
            .droppingColumns(wanted.dropout, &random)
        return Example(features: features, prompt: prompt, continuations: chosen)
    }

    /// Captions of all entries, as the warm start wants them.
    func words(_ index: Int) -> [[Int]] { captions[index] }

    func features(_ index: Int, mirrored: Bool) throws -> Tensor? {
        try store.features(mirrored ? keys[index].mirrored ?? keys[index].straight : keys[index].straight)
    }
}

/// How prompts and answers are written for a language model.
struct PromptWriting {
    let language: LanguageModel
    let pictures: TrainingFile.Pictures?
    let system: String?
    let stop: Int
    let picturePrompt: [Int]

    init(_ language: LanguageModel, _ file: TrainingFile) throws {
        self.language = language
        pictures = file.pictures
        system = file.instructions?.system
        guard let stop = language.tokenizer.id(of: "<|im_end|>") ?? language.tokenizer.eos.min() else {
            throw TrainFault("\(language.name): expected a token that ends an answer, found none")
        }
        self.stop = stop
        if let prompt = file.pictures?.prompt {
            picturePrompt = language.tokenizer.encode(prompt, special: false)
        } else if let ask = file.pictures?.ask {
            picturePrompt = try language.chat(system: file.pictures?.system, ask)
        } else {
            picturePrompt = []
        }
    }

    /// A caption with what ends it. After a plain prompt it begins with a space, after a chat's it does not.
    func caption(_ text: String) -> [Int] {
        language.tokenizer.encode((pictures?.prompt == nil ? "" : " ") + text, special: false) + [stop]
    }

    func instruction(_ entry: InstructionData.Entry) throws -> Example {
        Example(
            prompt: try language.chat(system: entry.system ?? system, entry.message),
            continuations: [language.tokenizer.encode(entry.answer, special: false) + (entry.isWhole ? [stop] : [])])
    }
}

/// Instructions as examples, with the features of the pictures that some are about.
final class InstructionExamples: ExampleSource {
    private let examples: [(example: Example, key: String?, place: String)]
    private let store: FeatureStore?
    private let some: Int
    /// How many were too long.
    let leftOut: Int

    /// - Parameters:
    ///   - longest: tokens of prompt and answer together.
    ///   - pictures: the key of each picture's features in the store.
    ///   - features: features of a picture in an example, chosen anew each time; 0: all.
    init(
        _ entries: [InstructionData.Entry], writing: PromptWriting, longest: Int, pictures: [String: String],
        store: FeatureStore?, features: Int
    ) throws {
        (self.store, some) = (store, features)
        let all = try entries.map { entry in
            (example: try writing.instruction(entry), key: entry.picture.flatMap { pictures[$0] }, place: entry.place)
        }
        examples = all.filter { $0.example.prompt.count + $0.example.targetCount <= longest }
        leftOut = all.count - examples.count
    }

    var count: Int { examples.count }
    func name(_ index: Int) -> String { examples[index].place }
    var vocabulary: Set<Int> { Set(examples.map(\.example.continuations).joined().joined()) }

    func example(_ index: Int, epoch: Int, seed: UInt64) throws -> Example {
        var example = examples[index].example
        guard let key = examples[index].key else { return example }
        var random = SplitMix64(seed &+ UInt64(index) &* 0x2545_f491_4f6c_dd1d &+ UInt64(epoch) &* 0x9e37_79b9)
        example.features = try store?.features(key)?.someFeatures(some, &random)
        return example
    }
}
