import Glibc
import Wire

/// How a worker meets its coordinator.
enum Meeting: Hashable, Sendable {
    case connect(Endpoint)
    /// `keys`: plain tcp if nil, which must stay on the loopback.
    case bind(Endpoint, keys: Keys? = nil)

    /// Names or files of keys.
    struct Keys: Hashable, Sendable {
        /// Our own, secret.
        var own: String
        /// Those of the coordinators that may come.
        var allowed: [String]
    }

    var endpoint: Endpoint {
        switch self {
        case .connect(let endpoint), .bind(let endpoint, _): endpoint
        }
    }
}

/// What a worker's command line and environment ask for.
enum WorkerRequest: Hashable, Sendable {
    case help
    /// `parent`: the process to die with.
    case serve(Meeting, worker: String, parent: pid_t?)

    struct Fault: Error, CustomStringConvertible { let description: String }

    init(arguments: [String], environment: (String) -> String?) throws {
        let worker = environment("LORGNETTE_WORKER") ?? ""
        switch (arguments.first, arguments.count) {
        case ("--help", _), ("-h", _): self = .help
        case ("--connect", 2): self = .serve(.connect(try Endpoint(arguments[1])), worker: worker, parent: nil)
        case ("--bind", 2...):
            let meeting = Meeting.bind(try Endpoint(arguments[1]), keys: try WorkerRequest.keys(arguments.dropFirst(2)))
            self = .serve(meeting, worker: worker, parent: nil)
        case ("--connect", _), ("--bind", _): throw Fault(description: "expected \(arguments[0]) ENDPOINT and no more")
        case (let other?, _): throw Fault(description: "unknown argument \(other)")
        case (nil, _):
            guard let endpoint = environment("LORGNETTE_CONNECT"), !endpoint.isEmpty else {
                self = .help
                return
            }
            let parent = environment("LORGNETTE_PARENT") ?? ""
            guard parent.isEmpty || pid_t(parent).map({ $0 > 0 }) == true else {
                throw Fault(description: "LORGNETTE_PARENT: expected a process number, found \"\(parent)\"")
            }
            self = .serve(.connect(try Endpoint(endpoint)), worker: worker, parent: pid_t(parent))
        }
    }

    /// `--key NAME --allow NAME…`, in any order; nil if there is neither.
    private static func keys(_ arguments: ArraySlice<String>) throws -> Meeting.Keys? {
        var own: [String] = []
        var allowed: [String] = []
        var option = ""
        for word in arguments {
            switch (word, option) {
            case ("--key", _), ("--allow", _): option = word
            case (_, "--key"): own.append(word)
            case (_, "--allow"): allowed.append(word)
            default: throw Fault(description: "unknown argument \(word)")
            }
        }
        if arguments.isEmpty { return nil }
        guard own.count == 1, !allowed.isEmpty else {
            throw Fault(
                description:
                    "expected --key NAME and --allow NAME… together, found \(own.count) keys and \(allowed.count) allowed"
            )
        }
        return Meeting.Keys(own: own[0], allowed: allowed)
    }
}
