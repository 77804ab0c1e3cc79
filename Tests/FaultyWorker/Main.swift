import Glibc
import Synchronization
import Wire

/// A worker on the bare wire, without ExpertKit, that keeps the contract but for one fault: `FaultyWorker FAULT`.
@main struct Main {
    static let terminated = Atomic<Bool>(false)

    static func main() throws {
        let words = CommandLine.arguments.dropFirst()
        guard words.count <= 1, let plan = Plan(rawValue: words.first ?? Plan.none.rawValue) else {
            print("expected one of \(Plan.allCases.map(\.rawValue).joined(separator: ", "))")
            exit(64)
        }
        if plan == .endsAtOnce { exit(1) }
        guard let endpoint = getenv("LORGNETTE_CONNECT") else { exit(64) }
        if plan != .diesAtTerm { signal(SIGTERM) { _ in Main.terminated.store(true, ordering: .relaxed) } }
        let name = getenv("LORGNETTE_WORKER").map { String(cString: $0) } ?? ""
        exit(try serve(plan, name: name, endpoint: Endpoint(String(cString: endpoint))))
    }

    /// Its context ends with it, and waits until the last words are written.
    private static func serve(_ plan: Plan, name: String, endpoint: Endpoint) throws -> Int32 {
        try FaultyWorker(plan, name: name, endpoint: endpoint).run()
    }
}
