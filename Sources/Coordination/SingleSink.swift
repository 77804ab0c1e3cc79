import Foundation
import Pipelines

/// Keeps the one line of `ask` in memory.
public final class SingleSink: Sink, @unchecked Sendable {
    private var done: (@Sendable (Int, CoordinationError?) -> Void)?
    /// Valid after the run.
    public private(set) var line: ResultLine?

    public init() {}

    public func start(keys: StageKeys, done: @escaping @Sendable (Int, CoordinationError?) -> Void) { self.done = done }
    public func keep(stage key: [UInt8], outcome: Data) {}

    public func finish(_ item: PreparedItem, _ line: ResultLine) {
        self.line = line
        done?(1, nil)
    }

    public func close() {}
}
