/// Whether the other side of a link is alive, and whether it is our turn to say that we are. Pure: the clock is passed in.
///
/// Use a clock that stops while the machine sleeps (`SuspendingClock`): a closed lid is nobody's silence. Before asking
/// ``isSilent(at:)``, read all that is waiting: after our own stall the other side's messages are older than our clock.
public struct Liveness<Instant: InstantProtocol<Duration>>: Sendable where Instant: Sendable {
    public let heartbeat: Duration
    public let patience: Duration
    public private(set) var lastHeard: Instant
    public private(set) var lastSent: Instant

    /// - Parameters:
    ///   - heartbeat: Welcome.heartbeat_ms, the longest time without sending anything.
    ///   - patience: Welcome.liveness_ms, the silence after which the other side is taken for dead.
    public init(heartbeat: Duration, patience: Duration, now: Instant) {
        self.heartbeat = heartbeat
        self.patience = patience
        lastHeard = now
        lastSent = now
    }

    /// Any message counts, not only a Heartbeat.
    public mutating func heard(at now: Instant) { lastHeard = max(lastHeard, now) }
    public mutating func sent(at now: Instant) { lastSent = max(lastSent, now) }

    public func owesHeartbeat(at now: Instant) -> Bool { lastSent.duration(to: now) >= heartbeat }
    public func isSilent(at now: Instant) -> Bool { lastHeard.duration(to: now) >= patience }
    /// When one of the two changes next if nothing is sent or heard.
    public var nextDeadline: Instant { min(lastSent.advanced(by: heartbeat), lastHeard.advanced(by: patience)) }
}
