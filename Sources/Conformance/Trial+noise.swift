import SwiftProtobuf
import Wire

extension Trial {
    static let noise: [Trial] = [
        dropped("garbage", "bytes that are no Envelope are dropped") { _, _ in
            // The same bytes every time: a wrong wire type, a length past the end.
            ([0xFF, 0xFE, 0x07, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [])
        },
        dropped("truncated", "an Envelope that is cut off is dropped") { conversation, task in
            let whole = RawEnvelope.envelope(
                epoch: conversation.epoch, body: 14, (try? task.header.serializedBytes()) ?? [])
            return (Array(whole.dropLast(3)), task.payloads)
        },
        dropped("empty", "a frame without bytes is dropped") { _, _ in ([], []) },
        dropped("deep", "an Envelope that is nested 500 deep is dropped") { conversation, _ in
            (RawEnvelope.envelope(epoch: conversation.epoch, body: 11, RawEnvelope.field(2, RawEnvelope.nest(500))), [])
        },
        dropped("large", "an Envelope of 5 MiB ends nothing but itself") { conversation, _ in
            let filler = RawEnvelope.field(RawEnvelope.unknownField, [UInt8](repeating: 0, count: 5 << 20))
            return (RawEnvelope.envelope(epoch: conversation.epoch, body: 18, filler), [])
        },
        dropped("frames", "a message with 100 payload frames ends nothing but itself") { conversation, _ in
            let frames = (0..<100).map { _ in Payload([1, 2, 3]) }
            return (RawEnvelope.envelope(epoch: conversation.epoch, body: 18, []), frames)
        },
        Trial(name: "noise.epoch", about: "a task of another epoch is dropped") { bench in
            let conversation = try bench.answering()
            let task = try bench.task()
            let content: [UInt8] = try task.header.serializedBytes()
            conversation.say(
                raw: RawEnvelope.envelope(epoch: conversation.epoch &+ 1, body: 14, content), payloads: task.payloads)
            try bench.goesOn(conversation, after: "a task of another epoch")
            try conversation.listen(for: .milliseconds(200))
            if let answer = conversation.answers[task.key]?.first {
                throw Complaint(expected: "no answer to a task of another epoch", found: answer.words)
            }
        },
        Trial(name: "noise.sequence", about: "messages out of sequence change nothing") { bench in
            let conversation = try bench.answering()
            conversation.say(
                .welcome(
                    .with {
                        $0.stage = bench.subject.stage.name
                        $0.heartbeatMs = 1000
                        $0.livenessMs = 15_000
                    }))
            conversation.say(.ready(.with { $0.credit = 1 }))
            conversation.say(
                .result(
                    .with {
                        $0.task = 1
                        $0.attempt = 1
                    }))
            conversation.say(.hello(.init()))
            try bench.goesOn(conversation, after: "a second Welcome, a Ready, a Result and a Hello")
        },
    ]

    /// A message that a worker drops; the next task is answered.
    private static func dropped(
        _ name: String, _ about: String,
        _ make: @escaping @Sendable (Conversation, PreparedTask) -> (frame: [UInt8], payloads: [Payload])
    ) -> Trial {
        Trial(name: "noise.\(name)", about: about) { bench in
            let conversation = try bench.answering()
            let (frame, payloads) = make(conversation, try bench.task())
            conversation.say(raw: frame, payloads: payloads)
            try bench.goesOn(conversation, after: "a message that is to be dropped")
        }
    }
}
