import Foundation
import Pipelines

/// Where results go. It works on its own thread.
public protocol Sink: AnyObject, Sendable {
    /// Begins to take results. `done` is called from the sink's thread with a number of items that are now safe, or with
    /// the error that ends the run.
    func start(keys: StageKeys, done: @escaping @Sendable (Int, CoordinationError?) -> Void)
    func keep(stage key: [UInt8], outcome: Data)
    func finish(_ item: PreparedItem, _ line: ResultLine)
    /// Waits until everything is written, and reports the first trouble there was.
    func close() throws(CoordinationError)
}

/// The ledger and `results.jsonl`: a thread that writes what has gathered since its last transaction in the next one.
public final class Journal: Sink {
    private struct State {
        var pending: [Ledger.Record] = []
        var closing = false
        var finished = false
        var failure: CoordinationError?
    }

    private let ledger: Ledger
    nonisolated(unsafe) private let file: ResultsFile
    private let condition = NSCondition()
    nonisolated(unsafe) private var state = State()
    nonisolated(unsafe) private var keys = StageKeys([])

    /// - Parameter file: opened; owned by the journal's thread from now on.
    public init(ledger: Ledger, file: sending ResultsFile) {
        self.ledger = ledger
        self.file = file
    }

    public func start(keys: StageKeys, done: @escaping @Sendable (Int, CoordinationError?) -> Void) {
        self.keys = keys
        let thread = Thread { [self] in work(done) }
        thread.name = "journal"
        thread.start()
    }

    public func keep(stage key: [UInt8], outcome: Data) {
        push(.stage(key: key, outcome: outcome))
    }

    public func finish(_ item: PreparedItem, _ line: ResultLine) {
        let entry = Ledger.Entry(
            item: item.key, stamp: item.stamp,
            sha256: item.picture?.sha256, configuration: keys.asking(item.question).configuration, status: line.status,
            line: line.json())
        push(.item(entry))
    }

    private func push(_ record: Ledger.Record) {
        condition.withLock {
            state.pending.append(record)
            condition.signal()
        }
    }

    public func close() throws(CoordinationError) {
        condition.lock()
        defer { condition.unlock() }
        state.closing = true
        condition.signal()
        while !state.finished { condition.wait() }
        if let failure = state.failure { throw failure }
    }

    private func work(_ done: (Int, CoordinationError?) -> Void) {
        var failure: CoordinationError?
        do throws(CoordinationError) {
            while let batch = nextBatch() {
                let (start, lines) = try ledger.write(batch)
                try file.append(lines, at: start)
                if !lines.isEmpty { done(lines.count, nil) }
            }
            try file.settle()
        } catch {
            failure = error
            done(0, error)
        }
        condition.withLock {
            state.failure = failure
            state.finished = true
            condition.broadcast()
        }
    }

    /// All that is waiting, at most 512 records; nil at the end.
    private func nextBatch() -> [Ledger.Record]? {
        condition.lock()
        defer { condition.unlock() }
        while state.pending.isEmpty {
            if state.closing { return nil }
            condition.wait()
        }
        let batch = Array(state.pending.prefix(512))
        state.pending.removeFirst(batch.count)
        return batch
    }
}
