import Locks
import Wire

/// An expert in this process, without a socket: for its author's tests. Checks what the wire would check.
///
/// ```swift
/// let stage = try Rehearsal(BlurExpert.self, options: ["radius": .number(3)])
/// let answer = try stage.answer(picture: PictureSource(place: .path("/…/cat.jpg")))
/// ```
public final class Rehearsal<Worker: Expert> {
    public let expert: Worker
    private let progress = Progress()

    private final class Progress: Sendable { let text = Locked("") }

    /// Loads and warms up.
    /// - Throws: ``ExpertFailure`` BAD_OPTION, and what the expert throws.
    public init(_: Worker.Type, options: [String: WireValue] = [:]) throws {
        expert = try Worker(options: try ExpertOptions(options, for: Worker.description))
        try expert.warmUp()
    }

    /// What another stage found, as it comes in at a port.
    public struct Input {
        let port: String, stage: String, expert: String
        let answer: ExpertAnswer
        let passage: Lorgnette_V1_Passage?
        let models: [ExpertModel]

        public init(
            port: String, stage: String, expert: String = "", _ answer: ExpertAnswer,
            passage: Lorgnette_V1_Passage? = nil, models: [ExpertModel] = []
        ) {
            self.port = port
            self.stage = stage
            self.expert = expert
            self.answer = answer
            self.passage = passage
            self.models = models
        }
    }

    /// All that the last task reported.
    public var reported: String { progress.text.withLock { $0 } }

    /// - Throws: ``ExpertFailure`` if the inputs do not fit the description or the answer does not fit the wire, and what the expert throws.
    public func answer(
        item: String = "rehearsal", question: String = "", picture: PictureSource? = nil, inputs: [Input] = [], seed: UInt64 = 0
    ) throws -> ExpertAnswer {
        var payloads: [Payload] = []
        var task = Lorgnette_V1_Task()
        task.id = 1
        task.attempt = 1
        task.item = item
        task.question = question
        task.seed = seed
        if let picture {
            task.picture.sha256 = .init(picture.sha256)
            task.picture.byteCount = UInt64(picture.byteCount)
            switch picture.place {
            case .path(let path): task.picture.path = path
            case .bytes(let payload):
                task.picture.frame = 0
                payloads.append(payload)
            }
        }
        for input in inputs {
            var (outcome, frames) = try input.answer.packed()
            for index in outcome.tensors.indices { outcome.tensors[index].frame += UInt32(payloads.count) }
            payloads += frames
            task.inputs.append(
                .with {
                    $0.port = input.port
                    $0.stage = input.stage
                    $0.expert = input.expert
                    $0.outcome = outcome
                    $0.models = input.models.map(\.wire)
                    if let passage = input.passage { $0.passage = passage }
                })
        }
        if let failure = Worker.description.fault(in: task, payloads: payloads.count) { throw failure }
        progress.text.withLock { $0 = "" }
        let expertTask = ExpertTask(task, payloads: payloads, arrived: .now) { [progress] text, _ in
            progress.text.withLock { $0 += text }
        }
        let answer = try expert.answer(expertTask)
        _ = try answer.packed()
        return answer
    }
}
