/// The contract of `protos/lorgnette.proto`.
public enum WireProtocol {
    /// The version that both sides of a link must have; checked at the handshake.
    public static let version: UInt32 = 1
}
