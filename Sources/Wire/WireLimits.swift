/// What a reader takes and what a socket queues. Senders keep to the same limits.
public struct WireLimits: Hashable, Sendable {
    /// Bytes of one serialised Envelope.
    public var maxEnvelopeBytes = 4 << 20
    /// Payload frames after the Envelope.
    public var maxPayloads = 64
    /// Bytes of a whole message, Envelope included.
    public var maxMessageBytes = 256 << 20
    /// Messages (not bytes) that may wait in each direction for each peer. Credit keeps the true number far lower.
    public var highWaterMark: Int32 = 1000
    /// Depth of nested messages in an Envelope; ours need 7.
    public var maxDepth = 24

    public init() {}
}
