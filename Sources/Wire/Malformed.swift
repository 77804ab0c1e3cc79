/// Why a received message was dropped. It names what was expected and what was found.
public enum Malformed: Error, Hashable, Sendable, CustomStringConvertible {
    case noEnvelope
    case envelopeTooLarge(bytes: Int, limit: Int)
    case tooManyPayloads(found: Int, limit: Int)
    case messageTooLarge(bytes: Int, limit: Int)
    case undecodable(String)
    /// An Envelope without a body that this version knows.
    case unknownBody(protocolVersion: UInt32)

    public var description: String {
        switch self {
        case .noEnvelope: "expected an Envelope frame, found none"
        case .envelopeTooLarge(let bytes, let limit): "Envelope of \(bytes) bytes, at most \(limit) are read"
        case .tooManyPayloads(let found, let limit): "\(found) payload frames, at most \(limit) are read"
        case .messageTooLarge(let bytes, let limit): "message of \(bytes) bytes, at most \(limit) are read"
        case .undecodable(let reason): "the Envelope is no protobuf of ours: \(reason)"
        case .unknownBody(let version):
            "an Envelope (protocol \(version)) without a body that protocol \(WireProtocol.version) knows"
        }
    }
}
