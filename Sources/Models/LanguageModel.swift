import Checkpoints
import Tensors

/// A LLaMA with all that turns words into tokens and back: what a language file holds.
public struct LanguageModel: Sendable {
    public let llama: Llama
    public let tokenizer: any Tokenizer
    /// The file's or folder's name, without those above.
    public let name: String
    /// "sha256:…" of the file, or of the weights' files in order.
    public let fingerprint: String
    /// Tokens that every sequence begins with: the begin of sequence, where the model was trained behind it, or none.
    public let begin: [Int]
    /// Fingerprints of the models that it was converted from.
    let origins: [String]
    private let writing: Result<ChatTemplate?, ModelError>

    /// How a conversation is written; nil if the file says nothing of it. Throws `ModelError.configuration` if what it
    /// says is not understood.
    public var template: ChatTemplate? { get throws(ModelError) { try writing.get() } }

    /// The model in a GGUF, in a folder as LLaMA was released, or in one of Hugging Face's (see `LanguageSource`). Throws
    /// `CheckpointError` or `ModelError` if it is not one that is understood.
    public init(path: String) throws {
        let source = try LanguageSource(path: path)
        name = source.name
        llama = try Llama(source)
        tokenizer = try source.tokenizer()
        writing = source.template()
        fingerprint = try source.fingerprint()
        begin = source.wantsBegin(tokenizer) ? tokenizer.bos.map { [$0] } ?? [] : []
        origins = source.origins
        guard tokenizer.vocabularySize <= llama.configuration.vocabulary else {
            throw ModelError.configuration(
                file: path, key: "tokenizer", expected: "at most \(llama.configuration.vocabulary) tokens",
                found: "\(tokenizer.vocabularySize)")
        }
    }

    private init(_ other: LanguageModel, llama: Llama) {
        self.llama = llama
        tokenizer = other.tokenizer
        begin = other.begin
        writing = other.writing
        name = other.name
        fingerprint = other.fingerprint
        origins = other.origins
    }

    /// The same model tuned by an adapter that was made for it.
    public func adapted(by adapter: LlamaAdapter) -> LanguageModel {
        LanguageModel(self, llama: llama.adapted(by: adapter))
    }

    /// The adapter in a safetensors or PyTorch file, checked against this model; parameters and errors as in
    /// `LlamaAdapter.init`. What neither the caller nor the file says is looked up in `hparams.json` beside it.
    public func adapter(
        path: String, visualHeads: Int? = nil, promptLength: Int? = nil, gating: LlamaAdapter.Gating? = nil
    ) throws -> LlamaAdapter {
        let checkpoint = try CheckpointReader.open(path)
        let notes = try AdapterNotes(beside: path)
        func isOpen(_ key: String) -> Bool { checkpoint.metadata[key] == nil }
        return try LlamaAdapter(
            checkpoint, base: llama.configuration, fingerprint: fingerprint(for: checkpoint),
            visualHeads: visualHeads ?? (isOpen("v_num_heads") ? notes.visualHeads : nil),
            promptLength: promptLength ?? (isOpen("prompt_len") ? notes.promptLength : nil), gating: gating)
    }

    /// What a generation ended with.
    public enum Finish: String, Sendable {
        /// A token that ends the turn.
        case stop
        /// The limit on tokens, or the end of the state's capacity.
        case length
    }

    /// Generated text.
    public struct Generation: Sendable {
        /// New tokens, the stop token not among them.
        public var ids: [Int] = []
        public var text = ""
        public var finish = Finish.length
    }

    /// Reads `prompt` into `state` and writes at most `limit` tokens after it, until one of `stop`.
    ///
    /// With a `batch`, which lent the state, other threads may do so at the same time, and what is written is the same.
    /// `each` gets the new text after every token, in whole characters, possibly empty; what it throws ends the
    /// generation. Throws `ModelError` as `Llama.forward` does.
    public func generate(
        after prompt: [Int], in state: Llama.State, of batch: DecodingBatch? = nil, limit: Int, stop: Set<Int>,
        sampler: inout Sampler, each: (String) throws -> Void = { _ in }
    ) throws -> Generation {
        guard let batch else {
            let logits = try llama.forward(prompt, state)
            return try write(logits, state, limit, stop, &sampler, each) { _ = try llama.forward([$0], state) }
        }
        let logits = try batch.alone { try llama.forward(prompt, state) }
        return try batch.write {
            try write(logits, state, limit, stop, &sampler, each) { try batch.step($0, state) }
        }
    }

    /// What is written after a prompt whose last token has left `logits`, which `read` renews.
    private func write(
        _ logits: Tensor, _ state: Llama.State, _ limit: Int, _ stop: Set<Int>, _ sampler: inout Sampler,
        _ each: (String) throws -> Void, read: (Int) throws -> Void
    ) throws -> Generation {
        var generation = Generation()
        var decoder = StreamDecoder(tokenizer)
        while generation.ids.count < limit {
            let next = try sampler.next(logits, history: generation.ids)
            if stop.contains(next) {
                generation.finish = .stop
                break
            }
            generation.ids.append(next)
            let text = decoder.push(next)
            generation.text += text
            try each(text)
            if generation.ids.count == limit || state.position == state.capacity { break }
            try read(next)
        }
        let rest = decoder.finish()
        generation.text += rest
        if !rest.isEmpty { try each(rest) }
        return generation
    }
}
