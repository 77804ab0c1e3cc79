import Glibc
import Wire

/// The whole `main` of a worker.
public enum ExpertMain {
    /// Serves as `expert` until the coordinator is done with it, then ends the process with an ``ExitCode``.
    ///
    /// A coordinator starts it with LORGNETTE_CONNECT (its endpoint), LORGNETTE_WORKER (a name for this process) and
    /// LORGNETTE_PARENT (the coordinator's process number: the worker dies with it). By hand: `--connect`, `--bind`, `--help`;
    /// other machines come in at `--bind` with `--key` and `--allow` only.
    public static func run<Worker: Expert>(_ expert: Worker.Type) -> Never {
        let request: WorkerRequest
        do {
            request = try WorkerRequest(arguments: Array(CommandLine.arguments.dropFirst())) { name in
                getenv(name).map { String(cString: $0) }
            }
        } catch {
            Log.line("lorgnette-\(Worker.description.service): \(error)")
            Log.line("Try --help.")
            exit(ExitCode.usage.rawValue)
        }
        switch request {
        case .help:
            print(Worker.description.usage, terminator: "")
            exit(0)
        case .serve(let meeting, let worker, let parent):
            let code = serve(expert, meeting, worker: worker, parent: parent)
            // Not exit(): its clean-up would pull globals from under a compute thread that has not come to its end.
            fflush(nil)
            _exit(code.rawValue)
        }
    }

    private static func serve<Worker: Expert>(_: Worker.Type, _ meeting: Meeting, worker: String, parent: pid_t?)
        -> ExitCode
    {
        if let parent, !ParentProcess.dieWithParent(coordinator: parent) { return .coordinatorLost }
        // Libraries chatter on stdout. There it would be taken for output; on stderr it is a log.
        dup2(STDERR_FILENO, STDOUT_FILENO)
        Worker.confinement.begin(local: meeting.endpoint.path != nil) { trouble in
            Log.line("lorgnette-\(Worker.description.service): \(trouble)")
        }
        do {
            let waker = try Waker()
            EndSignals.install(waker: waker)
            let context = try ZMQContext()
            let mischief =
                parent == nil ? nil : Mischief(worker: worker, chaos: getenv(Chaos.variable).map { String(cString: $0) })
            let loop = try WorkerLoop<Worker>(meeting, worker: worker, context: context, waker: waker, mischief: mischief)
            return try loop.run { EndSignals.isAskedToEnd(interruptionCounts: parent == nil) }
        } catch {
            Log.line("lorgnette-\(Worker.description.service): \(error)")
            switch error {
            case .insecure: return .usage
            case .key: return .badOption
            default: return .internalFault
            }
        }
    }
}
