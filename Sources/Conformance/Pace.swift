/// How patient a check is.
public struct Pace: Sendable {
    /// For Hello.
    public var hello = Duration.seconds(60)
    /// From Welcome to Ready.
    public var load = Duration.seconds(600)
    /// For one answer.
    public var answer = Duration.seconds(120)
    /// From Drain, Refuse or SIGTERM to the end of the process, when it has nothing left to do.
    public var farewell = Duration.seconds(10)
    public var heartbeat = Duration.milliseconds(500)
    /// Silence after which a worker is taken for dead.
    public var liveness = Duration.seconds(5)

    public init() {}
}
