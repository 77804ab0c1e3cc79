import CZeroMQ

/// A CURVE key pair. The secret half leaves it for libzmq and for its file only; printing or dumping a pair shows the public one.
public struct KeyPair: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public let publicKey: PublicKey
    /// Z85.
    let secret: String

    public var description: String { "key pair of \(publicKey)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }

    /// True if this libzmq was built with CURVE.
    public static var isAvailable: Bool { zmq_has("curve") != 0 }

    static let missing = WireError.system(
        operation: "CURVE, which this libzmq was built without:", subject: "", code: ENOTSUP)

    /// A new pair, from the system's random numbers.
    /// - Throws: ``WireError`` if this libzmq has no CURVE.
    public init() throws(WireError) {
        var (publicText, secretText) = ([CChar](repeating: 0, count: 41), [CChar](repeating: 0, count: 41))
        guard zmq_curve_keypair(&publicText, &secretText) == 0 else { throw KeyPair.missing }
        guard let key = KeyPair.text(publicText).flatMap({ PublicKey($0) }), let secret = KeyPair.text(secretText)
        else {
            throw KeyPair.missing
        }
        publicKey = key
        self.secret = secret
    }

    /// The pair of a secret key; nil if `secret` is not the Z85 of 32 bytes.
    init?(secret: some StringProtocol) {
        guard Z85.decoded(secret) != nil else { return nil }
        var publicText = [CChar](repeating: 0, count: 41)
        guard zmq_curve_public(&publicText, String(secret)) == 0,
            let key = KeyPair.text(publicText).flatMap({ PublicKey($0) })
        else { return nil }
        publicKey = key
        self.secret = String(secret)
    }

    private static func text(_ characters: [CChar]) -> String? {
        String(validating: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
