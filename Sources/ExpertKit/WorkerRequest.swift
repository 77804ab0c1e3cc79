import Glibc
import Wire

/// How a worker meets its coordinator.
enum Meeting: Hashable, Sendable {
    case connect(Endpoint)
    case bind(Endpoint)

    var endpoint: Endpoint {
        switch self {
        case .connect(let endpoint), .bind(let endpoint): endpoint
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
        case ("--bind", 2): self = .serve(.bind(try Endpoint(arguments[1])), worker: worker, parent: nil)
        case ("--connect", _), ("--bind", _): throw Fault(description: "expected \(arguments[0]) ENDPOINT")
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
}
