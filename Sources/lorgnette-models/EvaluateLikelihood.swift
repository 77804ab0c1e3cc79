import ArgumentParser
import Glibc
import Models
import Tensors

struct EvaluateLikelihood: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "likelihood",
        abstract: "How likely a language model finds given answers: the mean logarithm of each token's probability.",
        discussion: """
            TEXTS is JSONL as `lorgnette models answer` writes it: the user's message in "prompt" (or "instruction" and \
            "input") and the text in "answer". The token that ends a turn counts, too, unless "finish" is "length". \
            Measured with and without an adapter on the base's own answers, it says how far the adapter moves the base. \
            There is no picture: an adapter that reads pictures tunes norms and biases, and --prompts adds its prompts as \
            they are without one. The prompts of other adapters always act.
            """)

    @Argument(help: "A GGUF file: a path, or a name in the models folder.") var language: String
    @Argument(help: "JSONL with prompts and answers.") var texts: String
    @Option(help: "A LLaMA-Adapter that tunes the model: a path, or a name in the models folder.") var adapter: String?
    @Flag(help: "Give the model the adapter's prompts, too.") var prompts = false
    @Option(help: "Only texts of this \"split\".") var split: String?
    @Option(help: "No more than so many texts.") var limit: Int?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        if prompts, adapter == nil { throw ValidationError("--prompts needs an --adapter") }
        if let limit, limit < 1 { throw ValidationError("--limit: expected a number from 1, found \(limit)") }
    }

    func run() throws {
        let lines = try JSONLines(path: texts).lines.filter { split == nil || $0.object["split"]?.string == split }
        let chosen = lines.prefix(limit ?? .max)
        guard !chosen.isEmpty else {
            let which = split.map { " with \"split\": \"\($0)\"" } ?? ""
            throw EvaluationFault("\(texts): expected texts\(which), found none")
        }
        let base = try LanguageModel(path: ModelsFolder.resolve(language))
        let adapter = try adapter.map { try base.adapter(path: ModelsFolder.resolve($0)) }
        let model = adapter.map { base.adapted(by: $0) } ?? base
        let acting = adapter.flatMap { prompts || !$0.readsPictures ? $0.prompts(nil, in: model.llama) : nil }
        let reader = try Reader(model, prompts: acting)
        var sum = Sum()
        for line in chosen { sum.add(try reader.judge(line)) }
        var figures = Figures()
        figures.add("n", .count(chosen.count))
        figures.add("tokens", .count(sum.tokens))
        figures.add("log-likelihood", .number(sum.logarithms / Double(sum.tokens)))
        figures.add("perplexity", .number(exp(-sum.logarithms / Double(sum.tokens))))
        figures.add("likeliest", .number(Double(sum.likeliest) / Double(sum.tokens)))
        print(json ? figures.json : figures.text)
    }
}

extension EvaluateLikelihood {
    /// Over tokens.
    struct Sum {
        var tokens = 0
        /// Natural logarithms of the tokens' probabilities.
        var logarithms = 0.0
        /// Tokens than which the model found none likelier.
        var likeliest = 0

        mutating func add(_ other: Sum) {
            tokens += other.tokens
            logarithms += other.logarithms
            likeliest += other.likeliest
        }
    }

    /// A model with the state that its texts use one after the other.
    struct Reader {
        private let model: LanguageModel
        private let template: ChatTemplate
        private let state: Llama.State
        private let prompts: AdapterPrompts?

        init(_ model: LanguageModel, prompts: AdapterPrompts?) throws {
            self.model = model
            self.prompts = prompts
            template = try model.chatTemplate()
            state = try Llama.State(model.llama, capacity: min(4096, model.llama.configuration.context))
        }

        func judge(_ line: JSONLines.Line) throws -> Sum {
            let question = template.turn(try line.message(), model.tokenizer)
            var answer = model.tokenizer.encode(try line.text("answer"), special: false)
            if line.object["finish"]?.string != "length" {
                answer += model.tokenizer.encode([PromptPiece("<|im_end|>", isTrusted: true)])
            }
            guard !answer.isEmpty else { throw EvaluationFault("\(line.place): \"answer\": expected text, found none") }
            guard question.count + answer.count <= state.capacity else {
                throw EvaluationFault(
                    "\(line.place): expected at most \(state.capacity) tokens, found \(question.count + answer.count)")
            }
            state.reset()
            state.prompts = prompts
            // Only rows that predict a token of the answer are wanted.
            try model.llama.forward(Array(question.dropLast()), state, logits: .none)
            let logits = try model.llama.forward(question.suffix(1) + answer.dropLast(), state, logits: .all)
            var sum = Sum()
            for (i, token) in answer.enumerated() {
                let row = UnsafeBufferPointer(start: logits.row(i), count: logits.columns)
                let most = row.max() ?? 0
                let total = row.reduce(0.0) { $0 + exp(Double($1 - most)) }
                sum.tokens += 1
                sum.logarithms += Double(row[token] - most) - log(total)
                sum.likeliest += row[token] == most ? 1 : 0
            }
            return withExtendedLifetime(logits) { sum }
        }
    }
}
