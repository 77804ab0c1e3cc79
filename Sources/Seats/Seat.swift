import Glibc
import Locks

/// A worker's place at the machine that it shares with a run's other workers.
///
/// Where two processes compute with all processors each, a loop ends when its last thread does, and that may be waiting for a
/// processor. So a worker says when it computes, and takes only as many threads as leave room for the others that do. What
/// that gave is in Tests/Benchmarks/NOTES.md.
public final class Seat: Sendable {
    /// The environment variable that names the table and the place in it: "PATH:INDEX".
    public static let variable = "LORGNETTE_SEAT"

    /// This process's seat, if whoever started it gave it one.
    public static let own: Seat? = getenv(variable).flatMap { Seat(String(cString: $0)) }

    private let table: SeatTable.Bytes
    private let index: Int
    private let state = Locked(State())

    private struct State {
        var tasks = 0
        var usesMany = false

        var byte: UInt8 { tasks == 0 ? 0 : usesMany ? SeatTable.many : SeatTable.one }
    }

    /// Nil for what is no such name, or no such table.
    init?(_ name: String) {
        guard let colon = name.lastIndex(of: ":"), let index = Int(name[name.index(after: colon)...]),
            (0..<SeatTable.seats).contains(index), let table = SeatTable.Bytes(path: String(name[..<colon]))
        else { return nil }
        (self.table, self.index) = (table, index)
        table[index] = 0
    }

    /// Computes from now on; to be followed by as many calls of `stand`.
    public func sit() { change { $0.tasks += 1 } }

    public func stand() { change { $0.tasks -= 1 } }

    /// Said by a thread pool that has several threads.
    public func useMany() { change { $0.usesMany = true } }

    private func change(_ body: (inout State) -> Void) {
        state.withLock { state in
            body(&state)
            table[index] = state.byte
        }
    }

    /// How many of `most` threads this process may use now: of the processors that workers with one thread leave, an equal
    /// share with those that use many, and at least one.
    public func threads(of most: Int, processors: Int) -> Int {
        var (one, many) = (0, 1)
        for i in 0..<SeatTable.seats where i != index {
            switch table[i] {
            case SeatTable.one: one += 1
            case SeatTable.many: many += 1
            default: break
            }
        }
        return max(1, min(most, (processors - one) / many))
    }
}
