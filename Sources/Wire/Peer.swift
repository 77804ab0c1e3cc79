/// Who a ROUTER's message came from: the routing id that libzmq gave the link. A peer that reconnects gets another one.
public struct Peer: Hashable, Sendable, CustomStringConvertible {
    public let id: [UInt8]
    public init(id: [UInt8]) { self.id = id }

    /// An id that nobody can guess, and that libzmq gives to no link of its own.
    public static func random() -> Peer { Peer(id: [1] + (0..<16).map { _ in UInt8.random(in: 0...255) }) }

    public var description: String {
        let digits = Array("0123456789abcdef")
        return "peer " + id.flatMap { [String(digits[Int($0 >> 4)]), String(digits[Int($0 & 15)])] }.joined()
    }
}
