import Glibc
import Testing

@testable import Wire

@Suite(.serialized) struct SocketTests {
    let folder: PrivateDirectory
    let context: ZMQContext
    let waker: Waker

    init() throws {
        folder = try PrivateDirectory(parent: "/tmp")
        context = try ZMQContext()
        waker = try Waker()
    }

    private func pair(
        _ text: String = "ipc", router routerLimits: WireLimits = WireLimits(), dealer dealerLimits: WireLimits = WireLimits()
    ) throws -> (RouterSocket, DealerSocket, Endpoint) {
        let router = try RouterSocket(context, limits: routerLimits)
        let endpoint = try router.bind(text == "ipc" ? try folder.endpoint("s") : try Endpoint(text))
        let dealer = try DealerSocket(context, limits: dealerLimits)
        try dealer.connect(endpoint)
        return (router, dealer, endpoint)
    }

    private func send(_ message: Message, on dealer: DealerSocket) throws {
        while try dealer.send(message) == .full {
            #expect(try Poller.wait(dealer, waker: waker, timeout: .seconds(10), writable: true) != [])
        }
    }

    private func sendRaw(_ envelope: [UInt8], _ payloads: [Payload] = [], on dealer: DealerSocket) throws {
        while try dealer.handle.send(envelope: envelope, payloads: payloads, to: nil) == .full {
            #expect(try Poller.wait(dealer, waker: waker, timeout: .seconds(10), writable: true) != [])
        }
    }

    private func receive(_ router: RouterSocket) throws -> RouterSocket.Received {
        while true {
            if let received = try router.receive() { return received }
            try #require(try Poller.wait(router, waker: waker, timeout: .seconds(10)) == .readable)
        }
    }

    private func receive(_ dealer: DealerSocket) throws -> DealerSocket.Received {
        while true {
            if let received = try dealer.receive() { return received }
            try #require(try Poller.wait(dealer, waker: waker, timeout: .seconds(10)) == .readable)
        }
    }

    private func hello(_ about: String = "") -> Message { Message(epoch: 1, .hello(.with { $0.about = about })) }

    @Test(arguments: ["ipc", "tcp://127.0.0.1:*"])
    func messagesGoBothWaysWithTheirPayloads(_ transport: String) throws {
        let (router, dealer, _) = try pair(transport)
        let payloads = [[], [7], [UInt8](repeating: 1, count: 1023), [UInt8](repeating: 2, count: 3_000_001)].map { Payload($0) }
        try send(Message(epoch: 5, .hello(.with { $0.service = "ocr" }), payloads: payloads), on: dealer)
        guard case .message(let peer, let message) = try receive(router) else { throw Unexpected() }
        #expect(message.envelope.hello.service == "ocr")
        #expect(message.payloads.map(\.bytes) == payloads.map(\.bytes))

        // On to another peer and back, as a coordinator relays a tensor: the same bytes, not copied by us.
        #expect(try router.send(Message(epoch: 5, .drain(.init()), payloads: message.payloads), to: peer) == .sent)
        guard case .message(let back) = try receive(dealer) else { throw Unexpected() }
        #expect(back.payloads.map(\.bytes) == payloads.map(\.bytes))
    }

    @Test func aWorkerThatBindsIsReachedToo() throws {
        let dealer = try DealerSocket(context)
        let endpoint = try dealer.bind(try Endpoint("tcp://127.0.0.1:*"))
        let router = try RouterSocket(context)
        try router.connect(endpoint)
        try send(hello("bound"), on: dealer)
        guard case .message(let peer, _) = try receive(router) else { throw Unexpected() }
        #expect(try router.send(hello(), to: peer) == .sent)
        guard case .message = try receive(dealer) else { throw Unexpected() }
    }

    @Test func strangersAndTheDeadAreUnreachable() throws {
        let (router, dealer, _) = try pair()
        #expect(try router.send(hello(), to: Peer(id: [0, 1, 2, 3, 4])) == .unreachable)
        try send(hello(), on: dealer)
        guard case .message(let peer, _) = try receive(router) else { throw Unexpected() }
        dealer.close()
        // The end of the link travels through libzmq's thread.
        var outcome = SendOutcome.sent
        let deadline = SuspendingClock.now + .seconds(10)
        while outcome != .unreachable, .now < deadline {
            outcome = try router.send(hello(), to: peer)
            _ = try Poller.wait(router, waker: waker, timeout: .milliseconds(1))
        }
        #expect(outcome == .unreachable)
    }

    @Test func nobodyThereIsFullNotQueued() throws {
        let dealer = try DealerSocket(context)
        try dealer.connect(try folder.endpoint("nobody"))
        #expect(try dealer.send(hello()) == .full)
    }

    @Test func aPeerThatDoesNotReadFillsUp() throws {
        var few = WireLimits()
        few.highWaterMark = 2
        let (router, dealer, _) = try pair(router: few, dealer: few)
        try send(hello(), on: dealer)
        guard case .message(let peer, _) = try receive(router) else { throw Unexpected() }
        let big = Message(epoch: 1, .drain(.init()), payloads: [Payload([UInt8](repeating: 0, count: 1 << 20))])
        var outcomes: [SendOutcome] = []
        repeat { outcomes.append(try router.send(big, to: peer)) } while outcomes.last == .sent && outcomes.count < 1000
        #expect(outcomes.last == .full)
        // What was sent is whole, and the link goes on.
        for _ in outcomes.dropLast() {
            guard case .message(let m) = try receive(dealer), m.payloadBytes == 1 << 20 else { throw Unexpected() }
        }
        while try router.send(hello(), to: peer) == .full {
            try #require(try Poller.wait(router, waker: waker, timeout: .seconds(10), writable: true) != [])
        }
        guard case .message(let last) = try receive(dealer), last.payloads.isEmpty else { throw Unexpected() }
    }

    @Test func malformedIsReportedAndTheLinkStands() throws {
        var small = WireLimits()
        small.maxEnvelopeBytes = 1000
        small.maxPayloads = 4
        small.maxMessageBytes = 100_000
        let (router, dealer, _) = try pair(router: small)
        let good = try hello().encodedEnvelope(WireLimits())
        let cases: [([UInt8], [Payload], (Malformed) -> Bool)] = [
            ([0xff, 0xff, 0xff], [], { if case .undecodable = $0 { true } else { false } }),
            ([], [], { $0 == .unknownBody(protocolVersion: 0) }),
            ([UInt8](repeating: 0, count: 1001), [], { $0 == .envelopeTooLarge(bytes: 1001, limit: 1000) }),
            (
                good, Array(repeating: Payload([1]), count: 70),
                { if case .tooManyPayloads(5, limit: 4) = $0 { true } else { false } }
            ),
            (
                good, [Payload([UInt8](repeating: 0, count: 60_000)), Payload([UInt8](repeating: 0, count: 60_000))],
                { if case .messageTooLarge = $0 { true } else { false } }
            ),
        ]
        for (envelope, payloads, isExpected) in cases {
            try sendRaw(envelope, payloads, on: dealer)
            guard case .malformed(_, let fault) = try receive(router) else { throw Unexpected() }
            #expect(isExpected(fault), "\(fault)")
        }
        try send(hello("still here"), on: dealer)
        guard case .message(_, let message) = try receive(router) else { throw Unexpected() }
        #expect(message.envelope.hello.about == "still here")
    }

    @Test func anOversizedFrameEndsThatLinkOnly() throws {
        var small = WireLimits()
        small.maxMessageBytes = 100_000
        let (router, dealer, endpoint) = try pair(router: small)
        let other = try DealerSocket(context)
        try other.connect(endpoint)
        try send(Message(epoch: 1, .drain(.init()), payloads: [Payload([UInt8](repeating: 0, count: 200_000))]), on: dealer)
        try send(hello("other"), on: other)
        guard case .message(_, let message) = try receive(router) else { throw Unexpected() }
        #expect(message.envelope.hello.about == "other")
    }

    @Test func bytesThatAreNoZeroMQHurtNobody() throws {
        let (router, dealer, endpoint) = try pair()
        for noise in [
            [UInt8](repeating: 0x7f, count: 5000), Array("GET / HTTP/1.1\r\n\r\n".utf8),
            [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0xff],
        ] {
            let line = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: endpoint.path!.utf8) }
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(line, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            #expect(result == 0)
            #expect(Glibc.send(line, noise, noise.count, Int32(MSG_NOSIGNAL)) == noise.count)
            close(line)
        }
        try send(hello(), on: dealer)
        guard case .message = try receive(router) else { throw Unexpected() }
        if try router.receive() != nil { throw Unexpected() }
    }

    @Test func aSecondCoordinatorDoesNotStealThePath() throws {
        let first = try RouterSocket(context)
        let endpoint = try first.bind(try folder.endpoint("taken"))
        let second = try RouterSocket(context)
        #expect(throws: WireError.occupied(endpoint: endpoint.text)) { try second.bind(endpoint) }
        first.close()
    }

    @Test func aFileOfAnotherKindIsNotRemoved() throws {
        let endpoint = try folder.endpoint("file")
        close(open(endpoint.path!, O_CREAT | O_WRONLY, 0o600))
        let router = try RouterSocket(context)
        #expect(throws: WireError.occupied(endpoint: endpoint.text)) { try router.bind(endpoint) }
    }

    @Test func aSocketFileWithoutAListenerIsTakenOver() throws {
        let endpoint = try folder.endpoint("left")
        let line = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: endpoint.path!.utf8) }
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(line, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        close(line)
        #expect(access(endpoint.path!, F_OK) == 0)
        let router = try RouterSocket(context)
        #expect(try router.bind(endpoint) == endpoint)
    }

    @Test func aWakeEndsTheWaitFromAnyThread() throws {
        let router = try RouterSocket(context)
        try router.bind(try folder.endpoint("w"))
        let thread = try DedicatedThread(name: "waker") { [waker] in for _ in 0..<1000 { waker.wake() } }
        #expect(try Poller.wait(router, waker: waker, timeout: .seconds(10)) == .waker)
        thread.join()
        // Wakes from after the first one may stand for one more return, and then it is quiet.
        _ = try Poller.wait(router, waker: waker, timeout: .zero)
        #expect(try Poller.wait(router, waker: waker, timeout: .zero) == [])
        waker.wake()
        #expect(try Poller.wait(router, waker: waker, timeout: nil) == .waker)
    }
}

struct Unexpected: Error {}
