/// How an Envelope's bytes are spoilt on their way, under ``Chaos``. Whatever comes out, a reader can tell that it is not
/// to be believed: a message has no checksum, so a flipped letter of an answer could not be told.
struct Damage: Sendable, Hashable {
    let draw: UInt64

    /// Where an Envelope's epoch lies: after `08 01 11`.
    private static let epoch = 3..<11

    func apply(to bytes: inout [UInt8]) {
        let amount = draw >> 8
        switch draw >> 3 & 3 {
        case 0:
            // Torn off.
            bytes.removeLast(1 + Int(amount % UInt64(max(bytes.count - 1, 1))))
        case 1:
            // Other bytes altogether.
            var state = amount
            for index in bytes.indices {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[index] = UInt8(truncatingIfNeeded: state >> 33) | 0x80
            }
        case 2 where bytes.count > Damage.epoch.upperBound:
            // Of another process.
            for index in Damage.epoch { bytes[index] ^= UInt8(truncatingIfNeeded: amount >> (index - 3)) | 1 }
        default:
            // A number without an end.
            bytes += [UInt8](repeating: 0xff, count: 4096)
        }
    }
}
