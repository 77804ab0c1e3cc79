import Glibc
import Locks
import Testing

@testable import Wire

/// Who gets in where a worker listens, and what the others get: nothing.
@Suite(.serialized, .enabled(if: KeyPair.isAvailable, "this libzmq has no CURVE")) struct CurveTests {
    let context: ZMQContext
    let waker: Waker
    let (worker, coordinator, stranger): (KeyPair, KeyPair, KeyPair)

    init() throws {
        context = try ZMQContext()
        waker = try Waker()
        (worker, coordinator, stranger) = (try KeyPair(), try KeyPair(), try KeyPair())
    }

    private func listen(_ denied: @escaping @Sendable (String) -> Void = { _ in }) throws -> (
        DealerSocket, Gatekeeper, Endpoint
    ) {
        let gatekeeper = try Gatekeeper(context, allowing: [coordinator.publicKey], denied: denied)
        let dealer = try DealerSocket(context)
        let endpoint = try dealer.bind(try Endpoint("tcp://127.0.0.1:*"), own: worker, gatekeeper: gatekeeper)
        return (dealer, gatekeeper, endpoint)
    }

    private func hello(_ about: String) -> Message { Message(epoch: 1, .hello(.with { $0.about = about })) }

    private func until(_ what: String, _ isDone: () throws -> Bool) throws {
        let deadline = SuspendingClock.now + .seconds(20)
        let (socket, quiet) = (try DealerSocket(context), try Waker())
        while try !isDone() {
            try #require(.now < deadline, "\(what)")
            _ = try Poller.wait(socket, waker: quiet, timeout: .milliseconds(2))
        }
    }

    /// Hello from the worker, an answer from the coordinator: the link stands.
    private func talk(_ dealer: DealerSocket, _ router: RouterSocket, as peer: Peer) throws {
        try until("the worker is connected") { try dealer.send(hello("worker")) == .sent }
        try until("Hello arrives") {
            guard let received = try router.receive() else { return false }
            guard case .message(peer, let message) = received else { throw Unexpected() }
            #expect(message.envelope.hello.about == "worker")
            return true
        }
        #expect(try router.send(hello("coordinator"), to: peer) == .sent)
        try until("the answer arrives") {
            guard let received = try dealer.receive() else { return false }
            guard case .message(let message) = received else { throw Unexpected() }
            #expect(message.envelope.hello.about == "coordinator")
            return true
        }
    }

    @Test func theAllowedKeyComesInAndAnotherDoesNot() throws {
        let told = Told()
        let (dealer, gatekeeper, endpoint) = try listen { text in told.add(text) }

        let intruder = try RouterSocket(context)
        let name = Peer.random()
        try intruder.connect(endpoint, as: name, keys: (stranger, worker.publicKey))
        _ = try intruder.send(hello("intruder"), to: name)
        try until("the intruder is denied") { gatekeeper.denials == 1 }
        let again = try RouterSocket(context)
        try again.connect(endpoint, as: .random(), keys: (stranger, worker.publicKey))
        try until("the intruder is denied again") { gatekeeper.denials == 2 }
        #expect(try dealer.send(hello("worker")) == .full, "nobody is connected")

        let router = try RouterSocket(context)
        let peer = Peer.random()
        try router.connect(endpoint, as: peer, keys: (coordinator, worker.publicKey))
        try talk(dealer, router, as: peer)
        #expect(try intruder.receive() == nil)
        #expect(try dealer.receive() == nil)
        #expect(told.texts.count == 1, "told once of each stranger: \(told.texts)")
        #expect(told.texts.first?.contains(stranger.publicKey.description) == true)
        #expect(told.texts.first?.contains("127.0.0.1") == true)
        #expect(!told.texts.contains { $0.contains(stranger.secret) || $0.contains(worker.secret) })
    }

    /// What a stranger without CURVE can learn: that ZeroMQ listens there and wants CURVE.
    @Test func plainClientsAndPortScansGetAGreetingAndNoMore() throws {
        let (dealer, gatekeeper, endpoint) = try listen()
        let router = try RouterSocket(context)
        let peer = Peer.random()
        try router.connect(endpoint, as: peer, keys: (coordinator, worker.publicKey))
        try talk(dealer, router, as: peer)

        let mechanism = { (name: String) in Array(name.utf8) + [UInt8](repeating: 0, count: 20 - name.utf8.count) }
        let greeting = { (name: String) in
            [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0] + mechanism(name) + [UInt8](repeating: 0, count: 32)
        }
        let ready: [UInt8] =
            [4, 25, 5] + Array("READY".utf8) + [11] + Array("Socket-Type".utf8) + [0, 0, 0, 6] + Array("ROUTER".utf8)
        let plain = [4, 12, 5] + Array("HELLO".utf8) + [1, 0x61, 1, 0x62] as [UInt8]
        let scans: [[UInt8]] = [
            Array("GET / HTTP/1.1\r\n\r\n".utf8), [UInt8](repeating: 0x7f, count: 5000), greeting("NULL") + ready,
            greeting("PLAIN") + plain, greeting("CURVE") + ready, greeting("CURVE") + [0, 0],
            [0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0x7f, 1],
        ]
        for (index, scan) in scans.enumerated() {
            // The worker has something to say meanwhile; it goes to its coordinator alone.
            #expect(try dealer.send(hello("secret")) == .sent)
            let got = try Scan(endpoint).all(sending: scan)
            #expect(got.count <= 64, "scan \(index): \(got.count) bytes")
            #expect(!String(decoding: got, as: UTF8.self).contains("secret"))
        }
        for _ in scans {
            try until("every word reached the coordinator") {
                guard let received = try router.receive() else { return false }
                guard case .message(peer, let message) = received else { throw Unexpected() }
                return message.envelope.hello.about == "secret"
            }
        }
        #expect(try dealer.receive() == nil)
        #expect(gatekeeper.denials == 0, "none came as far as showing a key")
    }

    /// The coordinator's half: whoever listens there must have the pinned key.
    @Test func aWorkerWithAnotherKeyIsNotSpokenTo() throws {
        let impostorContext = try ZMQContext()
        let impostor = try DealerSocket(impostorContext)
        let asked = try Gatekeeper(impostorContext, allowing: [coordinator.publicKey, stranger.publicKey])
        let endpoint = try impostor.bind(try Endpoint("tcp://127.0.0.1:*"), own: stranger, gatekeeper: asked)

        let router = try RouterSocket(context)
        let peer = Peer.random()
        try router.connect(endpoint, as: peer, keys: (coordinator, worker.publicKey))
        #expect(try router.send(hello("coordinator"), to: peer) == .sent)
        // One that expects the impostor's key gets through, so it does listen, and the router above has met it before.
        let friend = try RouterSocket(context)
        let friendly = Peer.random()
        try friend.connect(endpoint, as: friendly, keys: (stranger, stranger.publicKey))
        try talk(impostor, friend, as: friendly)
        #expect(try impostor.receive() == nil)
        #expect(try router.receive() == nil)
        friend.close()
        impostor.close()

        // The true worker takes its place: only now is anything said.
        let gatekeeper = try Gatekeeper(context, allowing: [coordinator.publicKey])
        let dealer = try DealerSocket(context)
        try until("the port is free") { (try? dealer.bind(endpoint, own: worker, gatekeeper: gatekeeper)) != nil }
        try until("what waited arrives") {
            guard case .message(let message)? = try dealer.receive() else { return false }
            return message.envelope.hello.about == "coordinator"
        }
    }

    @Test func aFloodOfConnectionsDoesNotKeepTheCoordinatorOut() throws {
        let (dealer, _, endpoint) = try listen()
        var scans: [Scan] = []
        for index in 0..<200 {
            scans.append(try Scan(endpoint))
            if index % 2 == 0 { scans.last?.send([0xff, 0, 0]) }
        }
        let router = try RouterSocket(context)
        let peer = Peer.random()
        try router.connect(endpoint, as: peer, keys: (coordinator, worker.publicKey))
        for _ in 0..<50 { try talk(dealer, router, as: peer) }
        #expect(scans.count == 200)
    }

    @Test func plainTCPStaysHere() throws {
        let dealer = try DealerSocket(context)
        for text in ["tcp://*:*", "tcp://0.0.0.0:*", "tcp://example.org:1"] {
            let endpoint = try Endpoint(text)
            #expect(throws: WireError.insecure(endpoint: text)) { try dealer.bind(endpoint) }
            #expect(throws: WireError.insecure(endpoint: text)) { try dealer.connect(endpoint) }
            let router = try RouterSocket(context)
            #expect(throws: WireError.insecure(endpoint: text)) { try router.bind(endpoint) }
            #expect(throws: WireError.insecure(endpoint: text)) {
                try router.connect(endpoint, as: .random(), keys: nil)
            }
        }
        // With keys, it may be every address of this machine.
        let gatekeeper = try Gatekeeper(context, allowing: [coordinator.publicKey])
        #expect(try dealer.bind(try Endpoint("tcp://*:*"), own: worker, gatekeeper: gatekeeper).isLoopback == false)
    }

    @Test func keysOfOneLinkAreNotThoseOfTheNext() throws {
        let (secured, _, endpoint) = try listen()
        let plain = try DealerSocket(context)
        let open = try plain.bind(try Endpoint("tcp://127.0.0.1:*"))
        let router = try RouterSocket(context)
        let (first, second) = (Peer.random(), Peer.random())
        try router.connect(endpoint, as: first, keys: (coordinator, worker.publicKey))
        try router.connect(open, as: second, keys: nil)
        try talk(secured, router, as: first)
        try talk(plain, router, as: second)
        try talk(secured, router, as: first)
    }

    @Test func oneContextHasOneGatekeeper() throws {
        let first = try Gatekeeper(context, allowing: [])
        #expect(throws: WireError.self) { try Gatekeeper(context, allowing: [coordinator.publicKey]) }
        #expect(first.denials == 0)
    }
}

/// What a gatekeeper told.
private final class Told: Sendable {
    private let list = Locked<[String]>([])
    func add(_ text: String) { list.withLock { $0.append(text) } }
    var texts: [String] { list.withLock { $0 } }
}

/// A plain TCP connection of somebody who looks what is there.
private final class Scan {
    private let line: Int32

    init(_ endpoint: Endpoint) throws {
        line = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = try #require(UInt16(endpoint.text.split(separator: ":").last ?? "")).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(line, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    deinit { close(line) }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(line, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// Everything that comes until the other side hangs up. Our own end stays open meanwhile.
    func all(sending bytes: [UInt8]) throws -> [UInt8] {
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        send(bytes)
        var got: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(line, &buffer, buffer.count, 0)
            if count < 0 { try #require(errno == ECONNRESET, "the other side did not hang up") }
            if count <= 0 { return got }
            got += buffer.prefix(count)
        }
    }
}
