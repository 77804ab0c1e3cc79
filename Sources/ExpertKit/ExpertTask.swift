import Synchronization
import Wire

/// One thing to answer. May be used from any thread until `answer` returns.
public final class ExpertTask: Sendable {
    /// A task is the same only together with its attempt.
    struct Key: Hashable, Sendable {
        let id: UInt64
        let attempt: UInt32
    }

    private let header: Lorgnette_V1_Task
    private let payloads: [Payload]
    private let deadline: SuspendingClock.Instant
    private let progress: @Sendable (_ text: String, _ fraction: Float) -> Void
    private let cancelled = Atomic<Bool>(false)

    init(
        _ header: Lorgnette_V1_Task, payloads: [Payload], arrived: SuspendingClock.Instant,
        progress: @escaping @Sendable (_ text: String, _ fraction: Float) -> Void
    ) {
        self.header = header
        self.payloads = payloads
        self.progress = progress
        deadline = arrived.advanced(by: header.leaseMs > 0 ? .milliseconds(Int(header.leaseMs)) : .seconds(86_400))
    }

    var key: Key { Key(id: header.id, attempt: header.attempt) }
    func cancel() { cancelled.store(true, ordering: .relaxed) }

    public var id: UInt64 { header.id }
    /// From 1.
    public var attempt: Int { Int(header.attempt) }
    /// The input's name, for messages only: not a path.
    public var item: String { header.item }
    public var question: String { header.question }
    public var seed: UInt64 { header.seed }

    /// True once the coordinator no longer wants the answer. Look now and then, and leave with `checkCancelled`.
    public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// - Throws: ``ExpertFailure/cancelled``.
    public func checkCancelled() throws(ExpertFailure) { if isCancelled { throw .cancelled } }

    /// Time until the coordinator takes this worker for hung; not below zero.
    public var remaining: Duration { max(.zero, SuspendingClock.now.duration(to: deadline)) }

    /// Streams newly generated text, to append to what was reported before.
    /// - Parameter fraction: of the whole task done, 0…1; 0 if unknown.
    public func report(text: String, fraction: Float = 0) { progress(text, fraction) }

    // MARK: Inputs

    /// The task's picture, nil if there is none.
    public var picture: PictureSource? {
        guard header.hasPicture else { return nil }
        let place: PictureSource.Place =
            header.picture.hasFrame ? .bytes(payloads[Int(header.picture.frame)]) : .path(header.picture.path)
        return PictureSource(
            place: place, sha256: [UInt8](header.picture.sha256), byteCount: Int(clamping: header.picture.byteCount))
    }

    /// The bytes of the picture's file, checked; see ``PictureSource/read()``.
    /// - Throws: ``ExpertFailure``, BAD_INPUT if the task has no picture.
    public func pictureBytes() throws(ExpertFailure) -> [UInt8] {
        guard let picture else { throw .badInput("expected a picture, found none") }
        return try picture.read()
    }

    /// All that came in at a port, in the pipeline file's order.
    public func inputs(_ port: String) -> [Lorgnette_V1_Input] { header.inputs.filter { $0.port == port } }

    public func outcomes(_ port: String) -> [Lorgnette_V1_Outcome] { inputs(port).map(\.outcome) }

    /// The words of a port, merged for a prompt, one passage for each stage.
    public func passages(_ port: String) -> [Lorgnette_V1_Passage] { inputs(port).filter(\.hasPassage).map(\.passage) }

    /// What the stages at a port compute with.
    public func models(_ port: String) -> [ExpertModel] {
        inputs(port).flatMap(\.models).map { ExpertModel(role: $0.role, name: $0.name, fingerprint: $0.fingerprint) }
    }

    /// The bare words of a port, stages joined by newlines; "" if there are none.
    public func text(_ port: String) -> String { outcomes(port).filter(\.hasText).map(\.text).joined(separator: "\n") }

    /// The tensors of these names at `port`. Where one is wanted and one has come, its name does not matter.
    /// - Throws: ``ExpertFailure`` BAD_INPUT.
    public func tensors(_ port: String, _ names: [String]) throws(ExpertFailure) -> [WireTensor] {
        if names.count == 1, outcomes(port).flatMap(\.tensors).count == 1 { return [try tensor(port)] }
        var found: [WireTensor] = []
        for name in names { found.append(try tensor(port, name)) }
        return found
    }

    /// A tensor of the stage at `port`, checked for size and for NaN and infinity.
    /// - Parameter name: nil: the only one.
    /// - Throws: ``ExpertFailure`` BAD_INPUT.
    public func tensor(_ port: String, _ name: String? = nil) throws(ExpertFailure) -> WireTensor {
        let tensors = outcomes(port).flatMap(\.tensors)
        let found = tensors.filter { name == nil || $0.name == name }
        guard found.count == 1, let header = found.first else {
            let names = tensors.map { "\"\($0.name)\"" }.joined(separator: ", ")
            throw .badInput(
                "input \"\(port)\": expected \(name.map { "a tensor \"\($0)\"" } ?? "one tensor"), found \(names.isEmpty ? "none" : names)"
            )
        }
        return try sound(header, port)
    }

    /// Looks at every tensor that came, also those that the expert will not read.
    /// - Throws: ``ExpertFailure`` BAD_INPUT.
    func checkTensors() throws(ExpertFailure) {
        for input in header.inputs {
            for tensor in input.outcome.tensors { _ = try sound(tensor, input.port) }
        }
    }

    private func sound(_ header: Lorgnette_V1_Tensor, _ port: String) throws(ExpertFailure) -> WireTensor {
        let tensor: WireTensor
        do {
            tensor = try payloads.tensor(header)
        } catch {
            throw .badInput("input \"\(port)\": \(error)")
        }
        if let index = tensor.firstNonFinite() {
            throw .badInput("input \"\(port)\": tensor \"\(tensor.name)\": element \(index) is no finite number")
        }
        return tensor
    }
}
