import CZeroMQ

/// The public half of a CURVE key pair. It says who somebody is and may be shown to everybody.
public struct PublicKey: Hashable, Sendable, CustomStringConvertible {
    static let byteCount = 32
    static let textCount = 40

    public let bytes: [UInt8]

    /// 40 printable characters: ZeroMQ's Z85.
    public var description: String {
        var text = [CChar](repeating: 0, count: PublicKey.textCount + 1)
        _ = bytes.withUnsafeBufferPointer { zmq_z85_encode(&text, $0.baseAddress, $0.count) }
        return text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    }

    /// Nil if there are not 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == PublicKey.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Nil if `text` is not the Z85 of 32 bytes.
    public init?(_ text: some StringProtocol) {
        guard let bytes = Z85.decoded(text) else { return nil }
        self.bytes = bytes
    }
}

/// ZeroMQ's way to write 4 bytes as 5 characters (RFC 32).
enum Z85 {
    /// The 32 bytes of a key; nil if `text` is none.
    static func decoded(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count == PublicKey.textCount, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: PublicKey.byteCount)
        return zmq_z85_decode(&bytes, String(text)) == nil ? nil : bytes
    }
}
