import SwiftProtobuf

/// One ZeroMQ message of the contract: an Envelope and its raw payload frames, which the Envelope names by index.
public struct Message: Sendable {
    public var envelope: Lorgnette_V1_Envelope
    public var payloads: [Payload]
    /// Spoils it on its way; nil but under ``Chaos``.
    var damage: Damage?

    public init(_ envelope: Lorgnette_V1_Envelope, payloads: [Payload] = []) {
        self.envelope = envelope
        self.payloads = payloads
    }

    /// An Envelope of this protocol version around `body`.
    public init(epoch: UInt64, _ body: Lorgnette_V1_Envelope.OneOf_Body, payloads: [Payload] = []) {
        envelope = Lorgnette_V1_Envelope()
        envelope.protocol = WireProtocol.version
        envelope.epoch = epoch
        envelope.body = body
        self.payloads = payloads
    }

    /// The Envelope's first frame.
    /// - Throws: ``WireError/unsendable(_:)`` if a reader with these limits would drop the message.
    func encodedEnvelope(_ limits: WireLimits) throws(WireError) -> [UInt8] {
        var bytes: [UInt8]
        do { bytes = try envelope.serializedBytes() } catch { throw .unsendable("\(error)") }
        if let fault = limits.fault(envelopeBytes: bytes.count, payloads: payloads.count, payloadBytes: payloadBytes) {
            throw .unsendable(fault.description)
        }
        damage?.apply(to: &bytes)
        return bytes
    }

    /// Bytes of all payload frames.
    public var payloadBytes: Int { payloads.reduce(0) { $0 + $1.count } }

    /// Reads an Envelope, trusting nothing about its bytes.
    static func decodeEnvelope(_ bytes: UnsafeRawBufferPointer, _ limits: WireLimits) throws(Malformed) -> Lorgnette_V1_Envelope {
        if bytes.count > limits.maxEnvelopeBytes { throw .envelopeTooLarge(bytes: bytes.count, limit: limits.maxEnvelopeBytes) }
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = limits.maxDepth
        options.discardUnknownFields = true
        let envelope: Lorgnette_V1_Envelope
        do {
            envelope = try Lorgnette_V1_Envelope(serializedBytes: bytes.bytes, options: options)
        } catch {
            throw .undecodable("\(error)")
        }
        if envelope.body == nil { throw .unknownBody(protocolVersion: envelope.protocol) }
        return envelope
    }
}

extension WireLimits {
    func fault(envelopeBytes: Int, payloads: Int, payloadBytes: Int) -> Malformed? {
        if envelopeBytes > maxEnvelopeBytes { return .envelopeTooLarge(bytes: envelopeBytes, limit: maxEnvelopeBytes) }
        if payloads > maxPayloads { return .tooManyPayloads(found: payloads, limit: maxPayloads) }
        let bytes = envelopeBytes + payloadBytes
        return bytes > maxMessageBytes ? .messageTooLarge(bytes: bytes, limit: maxMessageBytes) : nil
    }

    /// True if a reader with these limits takes `message`.
    public func admits(_ message: Message) -> Bool { (try? message.encodedEnvelope(self)) != nil }
}
