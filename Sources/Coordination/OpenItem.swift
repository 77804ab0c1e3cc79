import Foundation
import Pipelines
import SwiftProtobuf
import Wire

/// An item while its stages run: what each has found so far.
struct OpenItem {
    /// What a stage gave, with its tensors still attached.
    struct Found {
        var outcome: Lorgnette_V1_Outcome
        var payloads: [Payload]
        var models: [Lorgnette_V1_Model]
        var seconds: Double
        var cached: Bool
    }

    /// Of a picture that goes by bytes: a message, less its Envelope.
    static let mostSentBytes = Int64(WireLimits().maxMessageBytes - WireLimits().maxEnvelopeBytes)

    let item: PreparedItem
    let keys: StageKeys
    var found: [Found?]
    /// The key of each stage's result, as far as there is one.
    var resultKeys: [[UInt8]?]

    /// Bytes of the picture that one stage's task takes with it to a worker at an address.
    func sentBytes(_ assignment: RunMachine.Assignment, of pipeline: BoundPipeline) -> Int64 {
        let stage = pipeline.stages[assignment.stage]
        return stage.takesPicture && stage.stage.expert.isRemote ? item.picture?.stamp.size ?? 0 : 0
    }

    /// The task message for one stage. Consumed tensors are numbered anew in the message's own payload frames.
    func task(_ assignment: RunMachine.Assignment, of pipeline: BoundPipeline, seed: UInt64) throws -> (
        Lorgnette_V1_Task, [Payload]
    ) {
        let stage = pipeline.stages[assignment.stage]
        var task = Lorgnette_V1_Task()
        task.id = assignment.task
        task.attempt = UInt32(assignment.attempt)
        task.leaseMs = UInt32(clamping: assignment.lease.milliseconds)
        task.seed = seed
        task.item = item.name
        task.question = (stage.sharesQuestion ? item.question : nil) ?? stage.question ?? ""
        var payloads: [Payload] = []
        if stage.takesPicture, let picture = item.picture {
            task.picture.sha256 = Data(picture.sha256)
            task.picture.byteCount = UInt64(picture.stamp.size)
            if let path = item.path.text, !stage.stage.expert.isRemote {
                task.picture.path = path
            } else {
                // Another machine does not see the path; and one that is not UTF-8 fits no protobuf string.
                guard picture.stamp.size <= OpenItem.mostSentBytes else {
                    let found =
                        "at most \(OpenItem.mostSentBytes) bytes are sent to a worker, found \(picture.stamp.size)"
                    throw PictureFile.Refusal.failed(code: "picture_too_large", message: found)
                }
                task.picture.frame = UInt32(payloads.count)
                payloads.append(Payload(try PictureFile.read(item.path, expecting: picture.stamp)))
            }
        }
        for binding in stage.inputs {
            for name in binding.stages {
                guard let source = pipeline.index(of: name), let found = found[source] else { continue }
                var input = Lorgnette_V1_Input()
                input.port = binding.port
                input.stage = name
                input.expert = pipeline.stages[source].description.service
                input.outcome = found.outcome
                input.models = found.models
                if binding.kind == .tensor {
                    for index in input.outcome.tensors.indices {
                        let frame = Int(input.outcome.tensors[index].frame)
                        input.outcome.tensors[index].frame = UInt32(payloads.count)
                        payloads.append(found.payloads[frame])
                    }
                } else {
                    input.outcome.tensors = []
                    let words = Envelope.outcome(found.outcome, models: found.models.fingerprints)
                    if let passage = ContextMerger.passage(stage: name, expert: input.expert, outcome: words) {
                        input.passage.label = passage.label
                        input.passage.lines = passage.lines
                    }
                }
                task.inputs.append(input)
            }
        }
        return (task, payloads)
    }

    /// The item's line, from how its stages were settled.
    func line(_ settlements: [RunMachine.Settlement?], of pipeline: BoundPipeline) -> ResultLine {
        var line = ResultLine(item: item.name, itemIsEscaped: item.nameIsEscaped, status: .ok)
        line.sha256 = item.picture.map { hex($0.sha256) }
        line.answerStage = pipeline.answer.map { pipeline.stages[$0].name }
        for stage in pipeline.pipeline.stages {
            guard let index = pipeline.index(of: stage.name), let settlement = settlements[index] else { continue }
            line.stages.append(.init(name: stage.name, report: report(index, settlement, of: pipeline)))
        }
        line.picture = found.lazy.compactMap { $0 }.first { $0.outcome.hasPicture }
            .flatMap { Envelope.outcome($0.outcome, models: []).picture }
        (line.status, line.error) = verdict(settlements, of: pipeline)
        return line
    }

    private func report(_ index: Int, _ settlement: RunMachine.Settlement, of pipeline: BoundPipeline) -> StageReport {
        var report = StageReport(expert: pipeline.stages[index].description.service, status: .ok)
        if let found = found[index], settlement.hasResult {
            report.outcome = Envelope.outcome(found.outcome, models: found.models.fingerprints)
            report.seconds = found.seconds
            report.cached = found.cached
            report.model = found.models.first?.fingerprint
        }
        switch settlement {
        case .succeeded(let attempts): report.attempts = attempts
        case .known, .notNeeded: break
        case .declined(let because):
            report.status = .skipped
            let condition = pipeline.stages[index].stage.when.map { "when: \($0)" }
            report.reason = because.map { "\($0) was not run" } ?? condition ?? ""
        case .failed(let error, let attempts):
            (report.status, report.error, report.attempts) = (.failed, error, attempts)
        case .skipped(let because):
            report.status = .skipped
            report.error = StageError(code: "missing_input", message: "not run: \(because) has no result")
        }
        return report
    }

    /// The item's status; a failure is blamed on the required stage that failed, not on those that waited for it.
    private func verdict(
        _ settlements: [RunMachine.Settlement?], of pipeline: BoundPipeline
    ) -> (ItemStatus, ItemError?) {
        var partial = false
        var consequence: ItemError?
        for (index, settlement) in settlements.enumerated() {
            let stage = pipeline.stages[index]
            switch settlement {
            case .failed(let error, _):
                guard stage.stage.optional else {
                    return (.failed, ItemError(stage: stage.name, code: error.code, message: error.message))
                }
                partial = true
            case .skipped(let because):
                partial = true
                if !stage.stage.optional, consequence == nil {
                    consequence = ItemError(
                        stage: stage.name, code: "missing_input", message: "not run: \(because) has no result")
                }
            default: break
            }
        }
        if let consequence { return (.failed, consequence) }
        return (partial ? .partial : .ok, nil)
    }
}

extension OpenItem {
    /// Whether a stage that waited for all that its condition names is to run.
    func holds(_ condition: Condition, _ settlements: [RunMachine.Settlement?], of pipeline: BoundPipeline) -> Bool {
        condition.holds { name in
            guard let stage = pipeline.index(of: name), let settlement = settlements[stage] else { return nil }
            switch settlement {
            case .failed: return Condition.View(status: .failed, outcome: nil)
            case .skipped, .declined: return Condition.View(status: .skipped, outcome: nil)
            case .succeeded, .known, .notNeeded:
                let outcome = found[stage].map { Envelope.outcome($0.outcome, models: []) }
                return Condition.View(status: .ok, outcome: outcome)
            }
        }
    }

    /// The key under which a stage's result is kept, from what it was given.
    func key(of stage: Int, _ settlements: [RunMachine.Settlement?]) -> [UInt8]? {
        item.picture.map { picture in
            let inputs = keys.dependencies[stage].map { settlements[$0]?.hasResult == true ? resultKeys[$0] : nil }
            return keys.key(of: stage, for: picture.sha256, inputs: inputs)
        }
    }
}

extension PreparedItem {
    /// The line of an input that no expert saw.
    func line(refused refusal: PictureFile.Refusal) -> ResultLine {
        var line = ResultLine(item: name, itemIsEscaped: nameIsEscaped, status: .failed)
        line.sha256 = picture.map { hex($0.sha256) }
        switch refusal {
        case .skipped(let code, let message):
            line.status = .skipped
            line.error = ItemError(code: code, message: message)
        case .failed(let code, let message):
            line.error = ItemError(code: code, message: message)
        }
        return line
    }
}

extension [Lorgnette_V1_Model] {
    var fingerprints: [String] { map(\.fingerprint) }
}

extension ExpertReference {
    var isRemote: Bool { if case .remote = self { true } else { false } }
}

extension Duration {
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }

    public var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
