/// A pipeline that answers once with each subset of the experts that feed its answer, all of them with the same workers.
public struct Comparison: Sendable {
    static let mostRows = 64

    /// One of the answers.
    public struct Row: Sendable, Hashable {
        /// The stages that it is built from, in the order of the file; none: the question alone.
        public let experts: [String]
        /// The stage of `pipeline` that answers so.
        public let stage: String
    }

    /// Its last stages are the rows'; no stage is called the answer, so that none that fails takes the others with it.
    public let pipeline: Pipeline
    /// From the question alone to all experts. Those that lack what the answering expert must have are not in the result.
    public let rows: [Row]

    /// - Throws: `Faults` if the pipeline has no answer, or nothing that feeds it.
    public init(_ pipeline: Pipeline) throws(Faults) {
        guard let answer = pipeline.answer, let answering = pipeline.stages.first(where: { $0.name == answer }) else {
            throw Faults(faults: [
                Fault(file: pipeline.file, key: "answer", message: "expected a stage that answers, found nothing")
            ])
        }
        let experts = answering.mentions(pipeline.stages.map(\.name))
        guard !experts.isEmpty else {
            throw Faults(faults: [
                Fault(file: pipeline.file, key: "stages.\(answer)", message: "no stage feeds it: there is nothing to compare")
            ])
        }
        var whole = try pipeline.only(experts)
        rows = Self.subsets(of: experts).map { subset in
            let name = subset.count == experts.count ? answer : "\(answer)+\(subset.joined(separator: "+"))"
            return Row(experts: subset, stage: name)
        }
        guard let place = whole.stages.firstIndex(where: { $0.name == answer }) else { preconditionFailure("\(answer) was kept") }
        var host = whole.stages.remove(at: place)
        host.optional = true
        whole.stages += rows.map { row in
            var stage = host
            if row.stage != answer {
                stage.name = row.stage
                stage.sharing = answer
                stage.unheard.formUnion(experts.filter { !row.experts.contains($0) })
            }
            return stage
        }
        whole.answer = nil
        self.pipeline = whole
    }

    /// All subsets of at most four; of more, none, each, each pair and all; and no pairs where they would be too many.
    static func subsets(of experts: [String]) -> [[String]] {
        var subsets: [[String]] = [[]]
        if experts.count <= 4 {
            for expert in experts { subsets += subsets.map { $0 + [expert] } }
            let places = Dictionary(uniqueKeysWithValues: experts.enumerated().map { ($1, $0) })
            func order(_ subset: [String]) -> [Int] { [subset.count] + subset.compactMap { places[$0] } }
            return subsets.sorted { order($0).lexicographicallyPrecedes(order($1)) }
        }
        subsets += experts.map { [$0] }
        var pairs: [[String]] = []
        for (index, first) in experts.enumerated() { pairs += experts[(index + 1)...].map { [first, $0] } }
        if subsets.count + pairs.count + 1 <= mostRows { subsets += pairs }
        return subsets + [experts]
    }
}

extension Comparison {
    /// One line: the picture, the question, what each expert found, and the answers.
    public func json(_ line: ResultLine, question: String) -> String {
        var writer = JSONWriter()
        writer.object { object in
            object.key("schema")
            object.value("lorgnette.compare/1")
            object.key("item")
            object.value(line.item)
            object.key("question")
            object.value(question)
            object.key("stages")
            object.object { stages in
                for entry in line.stages where !rows.contains(where: { $0.stage == entry.name }) {
                    stages.key(entry.name)
                    stages.write(entry.report, wordsElsewhere: false)
                }
            }
            object.key("answers")
            object.array { answers in
                for row in rows {
                    guard let report = line.stages.first(where: { $0.name == row.stage })?.report else { continue }
                    answers.object { answer in
                        answer.key("experts")
                        answer.array { for name in row.experts { $0.value(name) } }
                        answer.key("answer")
                        answer.write(report, wordsElsewhere: false)
                    }
                }
            }
            object.key("error")
            if let error = line.error { object.write(error) } else { object.null() }
        }
        return writer.text
    }
}
