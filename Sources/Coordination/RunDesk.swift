import Foundation
import Locks

/// Where a run can be watched: `status.json`, renewed each second, and a log of what befell its workers and tasks, a line
/// of JSON for each event. What cannot be written is let go: a run does not end for it.
public final class RunDesk: Sendable {
    /// What a line of the log says besides its time and event.
    public struct Event: Encodable, Sendable {
        var time = ""
        var run = 0
        let event: String
        var stage: String?
        var worker: String?
        var item: String?
        var attempt: Int?
        var code: String?
        var message: String?
    }

    private struct State {
        var last: Duration?
        var latest: RunSnapshot?
        var written = 0
        var log: Int32 = -1
    }

    /// Bytes of the log; what comes after is not written.
    private static let mostLog = 64 << 20

    private let status: String
    private let state = Locked(State())

    /// - Parameters:
    ///   - status: the file to renew.
    ///   - events: the file to append to; it is made when there is something to tell.
    public init(status: String, events: String) {
        self.status = status
        self.events = events
    }

    private let events: String

    deinit { state.withLock { if $0.log >= 0 { close($0.log) } } }

    /// The last word on the run; nil before the first.
    public var latest: RunSnapshot? { state.withLock { $0.latest } }

    /// Takes a snapshot if the last is a second old.
    func renew(at now: Duration, _ snapshot: () -> RunSnapshot) {
        let isDue = state.withLock { state in
            if let last = state.last, now - last < .seconds(1) { return false }
            state.last = now
            return true
        }
        if isDue { write(snapshot()) }
    }

    func end(_ snapshot: RunSnapshot) { write(snapshot) }

    private func write(_ snapshot: RunSnapshot) {
        state.withLock { $0.latest = snapshot }
        let temporary = status + ".new"
        guard (try? snapshot.json.write(to: URL(fileURLWithPath: temporary))) != nil else { return }
        if rename(temporary, status) != 0 { unlink(temporary) }
    }

    func tell(_ event: Event) {
        var event = event
        event.time = Date().formatted(.iso8601.time(includingFractionalSeconds: true))
        event.run = Int(getpid())
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let line = try? encoder.encode(event) + Data("\n".utf8) else { return }
        state.withLock { state in
            guard state.written + line.count <= RunDesk.mostLog else { return }
            if state.log < 0 { state.log = open(events, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o644) }
            guard state.log >= 0 else { return }
            state.written += line.count
            _ = line.withUnsafeBytes { Glibc.write(state.log, $0.baseAddress, $0.count) }
        }
    }
}
