import Checkpoints

// What an adapter says of the models that it was trained with.

extension LlamaAdapter {
    /// Whether it was trained on instructions as Alpaca writes them: the released V1 and V2 multimodal.
    public var readsAlpaca: Bool { facts["format"] == nil && family != .v2Dialog }

    /// Whether its file says with which vision model's features it was trained.
    public var namesVision: Bool { facts["vision_sha256"] != nil }

    /// Refuses features of another vision model than the file's `vision_sha256` names, with `ModelError.wrongVision`.
    /// Official files name none: they are told by the features' width alone.
    /// - Parameter fingerprint: "sha256:…" of the model that made the features.
    public func check(vision name: String, fingerprint: String) throws(ModelError) {
        guard let made = facts["vision_sha256"], "sha256:" + made != fingerprint else { return }
        let vision = facts["vision"].map { $0 + " " } ?? ""
        throw .wrongVision(expected: "\(vision)(sha256:\(made))", found: "\(name) (\(fingerprint))")
    }
}

extension LanguageModel {
    /// Whether the adapter was trained on what this model was converted from: the same model, its weights rounded.
    public func isConvertedBase(of adapter: LlamaAdapter) -> Bool {
        adapter.facts["base_sha256"].map { converted(from: "sha256:" + $0) != nil } ?? false
    }

    /// The fingerprint that an adapter's base is compared with: its own base's if this model was converted from it.
    func fingerprint(for checkpoint: any Checkpoint) -> String {
        checkpoint.metadata["base_sha256"]?.string.flatMap { converted(from: "sha256:" + $0) } ?? fingerprint
    }

    private func converted(from origin: String) -> String? { origins.contains(origin) ? origin : nil }
}

extension LanguageSource {
    /// Where a GGUF says what it was converted from.
    static let originKey = "lorgnette.converted_from"

    /// "sha256:…" of the models that this one was converted from, the nearest first.
    var origins: [String] {
        guard case .gguf(let gguf) = words, let text = gguf.metadata[Self.originKey]?.string else { return [] }
        return text.split(separator: " ").map(String.init)
    }
}
