import Wire

/// One expert: loads once, then answers one task after another. Everything around it (the wire, heartbeats, draining) is ``ExpertMain``'s.
///
/// ```swift
/// @main struct Main { static func main() { ExpertMain.run(BlurExpert.self) } }
/// ```
public protocol Expert: AnyObject, SendableMetatype {
    /// What a pipeline may connect to it and set on it; also the text of `--help`.
    static var description: ExpertDescription { get }

    /// What the worker's process gives up at its start. The default is nothing; ``Confinement/decoder`` suits an expert that
    /// decodes pictures with libraries and needs no network.
    static var confinement: Confinement { get }

    /// Loads models. Runs once, on a plain thread, after the coordinator sent the options of the pipeline file; they are checked already.
    /// - Throws: ``ExpertFailure``, such as `.missingModel`. Any other error is reported as INTERNAL. The worker then ends.
    init(options: ExpertOptions) throws

    /// Does once what would make the first task slow. Errors as in `init`.
    func warmUp() throws

    /// Works on one task. Runs on a plain thread with an 8 MiB stack; with `concurrency` over 1, on several at the same time.
    /// - Throws: ``ExpertFailure``. Any other error is reported as INTERNAL, and only this task fails.
    func answer(_ task: ExpertTask) throws -> ExpertAnswer

    /// What was loaded, for the provenance of answers; asked after `warmUp`.
    var models: [ExpertModel] { get }

    /// Tasks to hold at the same time, waiting ones included; asked after `warmUp`. The default is the description's concurrency.
    /// A waiting task's lease runs already, so more than that suits only quick experts.
    var credit: Int { get }
}

extension Expert {
    public static var confinement: Confinement { .none }
    public func warmUp() throws {}
    public var models: [ExpertModel] { [] }
    public var credit: Int { Self.description.concurrency }
}

/// A file that an expert loaded.
public struct ExpertModel: Hashable, Sendable {
    /// "language", "vision", "adapter".
    public let role: String
    /// File name without folders.
    public let name: String
    /// "sha256:" and 64 hex digits.
    public let fingerprint: String

    public init(role: String, name: String, fingerprint: String) {
        self.role = role
        self.name = name
        self.fingerprint = fingerprint
    }

    var wire: Lorgnette_V1_Model {
        .with {
            $0.role = role
            $0.name = name
            $0.fingerprint = fingerprint
        }
    }
}
