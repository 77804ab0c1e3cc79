import Testing

@testable import Wire

@Suite struct MessageTests {
    let limits = WireLimits()

    private func decode(_ bytes: [UInt8], _ limits: WireLimits = WireLimits()) throws -> Lorgnette_V1_Envelope {
        try bytes.withUnsafeBytes { try Message.decodeEnvelope($0, limits) }
    }

    @Test func roundTrip() throws {
        let message = Message(
            epoch: 0xfeed_f00d_dead_beef,
            .task(
                .with {
                    $0.id = 7
                    $0.item = "日本/é.png"
                }))
        let envelope = try decode(try message.encodedEnvelope(limits))
        #expect(envelope == message.envelope)
        #expect(envelope.protocol == WireProtocol.version)
    }

    @Test func aHeartbeatIsTheFourteenBytesOfTheContract() throws {
        let bytes = try Message(epoch: 0x0102_0304_0506_0708, .heartbeat(.init())).encodedEnvelope(limits)
        #expect(bytes == [0x08, 1, 0x11, 8, 7, 6, 5, 4, 3, 2, 1, 0x92, 1, 0])
    }

    @Test func truncatedIsMalformedAtEveryLength() throws {
        let whole = try Message(
            epoch: 1,
            .hello(
                .with {
                    $0.service = "ocr"
                    $0.about = "Reads."
                    $0.concurrency = 300
                })
        ).encodedEnvelope(limits)
        for length in 0..<whole.count {
            #expect(throws: Malformed.self, "\(length) of \(whole.count) bytes") { try decode(Array(whole[..<length])) }
        }
    }

    @Test func garbageNeverCrashes() {
        var generator = Linear(state: 1)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...64, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = try? decode(bytes)
        }
    }

    @Test func damagedMessagesNeverCrash() throws {
        var generator = Linear(state: 2)
        let task = Message(
            epoch: 9,
            .task(
                .with {
                    $0.id = 1
                    $0.inputs = [.with { $0.outcome.tensors = [.with { $0.shape = [2, 3] }] }]
                }))
        let whole = try task.encodedEnvelope(limits)
        for _ in 0..<2000 {
            var bytes = whole
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            _ = try? decode(bytes)
        }
    }

    @Test func deepNestingIsMalformed() throws {
        var value = WireValue.number(1)
        for _ in 0..<1000 { value = .list([value]) }
        let message = Message(epoch: 1, .welcome(.with { $0.optionValues = ["deep": value] }))
        #expect(throws: Malformed.self) { try decode(try message.encodedEnvelope(limits)) }
        // What a pipeline file can say is far from the limit.
        let sane = Message(epoch: 1, .welcome(.with { $0.optionValues = ["budget": .map(["text": .list([.number(256)])])] }))
        #expect(
            try decode(try sane.encodedEnvelope(limits)).welcome.optionValues["budget"] == .map(["text": .list([.number(256)])]))
    }

    @Test func unknownFieldsAreIgnored() throws {
        // Field 1023, a varint 5.
        let bytes = try Message(epoch: 1, .drain(Lorgnette_V1_Drain())).encodedEnvelope(limits) + [0xf8, 0x3f, 0x05]
        #expect(try decode(bytes).body == .drain(Lorgnette_V1_Drain()))
    }

    @Test func unknownBodyIsNamed() {
        // protocol 2, and field 99 as a body from the future.
        #expect(throws: Malformed.unknownBody(protocolVersion: 2)) { try decode([0x08, 0x02, 0x9a, 0x06, 0x00]) }
        #expect(throws: Malformed.unknownBody(protocolVersion: 0)) { try decode([]) }
    }

    @Test func limitsHoldOnBothSides() throws {
        var small = limits
        small.maxEnvelopeBytes = 100
        let long = Message(epoch: 1, .goodbye(.with { $0.message = String(repeating: "x", count: 200) }))
        #expect(throws: WireError.self) { try long.encodedEnvelope(small) }
        #expect(throws: Malformed.envelopeTooLarge(bytes: 218, limit: 100)) {
            try decode(try long.encodedEnvelope(limits), small)
        }

        small = limits
        small.maxMessageBytes = 1000
        let heavy = Message(epoch: 1, .drain(Lorgnette_V1_Drain()), payloads: [Payload([UInt8](repeating: 0, count: 990))])
        #expect(!small.admits(heavy))
        #expect(limits.admits(heavy))
        #expect(
            !limits.admits(Message(epoch: 1, .drain(Lorgnette_V1_Drain()), payloads: Array(repeating: Payload([0]), count: 65))))
    }

    @Test func wireValuesSurvive() {
        let values: [String: WireValue] = [
            "s": .string(""), "n": .number(-0.5), "b": .bool(false), "l": .list([.string("eng"), .null]),
            "m": .map(["text": .number(256)]),
        ]
        #expect(Lorgnette_V1_Welcome.with { $0.optionValues = values }.optionValues == values)
        #expect(values["m"]?.description == "{text: 256}")
    }
}

/// Repeatable noise.
struct Linear: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
