import Tensors

extension Llama {
    /// What a conversation has made the model remember. Used by one thread at a time.
    public final class State: @unchecked Sendable {
        /// Tokens that fit.
        public let capacity: Int
        /// Tokens seen; set it back to forget the last ones.
        public internal(set) var position = 0
        /// Adapter prompts of the picture that the conversation is about, if any.
        public var prompts: AdapterPrompts?

        let keys: [Tensor]  // per layer [capacity, G d], rotated
        let values: [Tensor]  // per layer [capacity, G d]
        /// Of the last token that was read.
        let logits: Tensor  // [1, V]
        let workspace: Workspace

        /// Room for `capacity` tokens; memory is committed as it is used. Throws `ModelError.contextFull` if the model
        /// was not made for so many.
        /// - Parameter chunk: the most tokens that are read together.
        public convenience init(_ model: Llama, capacity: Int, chunk: Int = 256) throws(ModelError) {
            guard capacity > 0, capacity <= model.configuration.context else {
                throw .contextFull(capacity: model.configuration.context, needed: capacity)
            }
            try self.init(
                model, capacity: capacity, Workspace(model, capacity: capacity, rows: min(max(1, chunk), capacity)))
        }

        /// The same, with scratch that others use, too, though never at the same time.
        public init(_ model: Llama, capacity: Int, _ workspace: Workspace) throws(ModelError) {
            let c = model.configuration
            guard capacity > 0, capacity <= c.context else { throw .contextFull(capacity: c.context, needed: capacity) }
            precondition(capacity <= workspace.capacity, "a state of \(capacity) in a workspace of \(workspace.capacity)")
            self.capacity = capacity
            self.workspace = workspace
            keys = (0..<c.layers).map { _ in Tensor(capacity, c.kvWidth) }
            values = (0..<c.layers).map { _ in Tensor(capacity, c.kvWidth) }
            logits = Tensor(1, c.vocabulary)
        }

        /// Forgets everything, prompts included.
        public func reset() {
            position = 0
            prompts = nil
        }

        /// Forgets all tokens but the first `position`.
        public func rewind(to position: Int) {
            precondition((0...self.position).contains(position), "rewind to \(position) of \(self.position)")
            self.position = position
        }

        /// Forgets everything and takes over what another state of the same model and the same prompts has seen.
        public func adopt(_ other: State) {
            precondition(other.position <= capacity, "\(other.position) tokens in a state of \(capacity)")
            (position, prompts) = (other.position, other.prompts)
            for (mine, its) in zip(keys + values, other.keys + other.values) {
                mine.data.update(from: its.data, count: position * its.columns)
            }
        }

        func admit(_ tokens: [Int], _ c: LlamaConfiguration) throws(ModelError) {
            guard position + tokens.count <= capacity else {
                throw .contextFull(capacity: capacity, needed: position + tokens.count)
            }
            for token in tokens where !(0..<c.vocabulary).contains(token) {
                throw .token(id: token, vocabulary: c.vocabulary)
            }
        }
    }
}
