import SwiftProtobuf
import Wire

extension Trial {
    static let answering: [Trial] = [
        Trial(name: "task.answered", about: "a sound task has a Result") { bench in
            let conversation = try bench.serving()
            let missing = try bench.prepared().missing
            let answer: Conversation.Answer
            do { answer = try bench.answer(to: try bench.task(), conversation) } catch let complaint as Complaint {
                bench.answers = false
                throw complaint
            }
            // Time for a second answer, which there must not be.
            try conversation.listen(for: .milliseconds(200))
            guard case .result = answer else {
                bench.succeeds = false
                if let missing {
                    throw Unchecked("needs tensors at port \"\(missing)\": --from \(missing)=EXPERT, or --pipeline")
                }
                throw Complaint(expected: "a Result", found: answer.words)
            }
        },
        Trial(name: "picture.path", about: "a picture is read from its path") { bench in
            let conversation = try bench.looking()
            if bench.subject.isRemote { throw Unchecked("a worker elsewhere is sent bytes, not paths") }
            var task = try bench.task()
            task.show(bench.picture)
            try bench.answer(to: task, conversation).mustSucceed("a picture by its path")
        },
        Trial(name: "picture.bytes", about: "a picture is read from a payload frame") { bench in
            let conversation = try bench.looking()
            var task = try bench.task()
            task.send(bench.picture)
            try bench.answer(to: task, conversation).mustSucceed("a picture by its bytes")
        },
        Trial(name: "version.fields", about: "fields of a later version are ignored") { bench in
            let conversation = try bench.answering()
            let task = try bench.task()
            let content: [UInt8] = try task.header.serializedBytes()
            let frame = RawEnvelope.envelope(
                epoch: conversation.epoch, body: 14, content + RawEnvelope.unknownFields,
                after: RawEnvelope.unknownFields)
            conversation.expect(task)
            conversation.say(raw: frame, payloads: task.payloads)
            let answer = try bench.answer(of: task.key, conversation)
            if bench.succeeds { try answer.mustSucceed("a task with fields that it does not know") }
        },
        Trial(name: "version.body", about: "a body of a later version is ignored") { bench in
            let conversation = try bench.answering()
            let body = RawEnvelope.field(1, Array("later".utf8))
            conversation.say(raw: RawEnvelope.envelope(epoch: conversation.epoch, body: 1998, body))
            try bench.goesOn(conversation, after: "an Envelope with a body that it does not know")
        },
        Trial(name: "heartbeat.idle", about: "it beats while it has nothing to do") { bench in
            let conversation = try bench.serving()
            let before = conversation.heartbeats
            _ = try conversation.wait(for: "a Heartbeat", within: bench.pace.liveness) {
                conversation.heartbeats > before ? true : nil
            }
        },
    ]
}

extension Bench {
    /// A worker that answers and takes pictures.
    func looking() throws -> Conversation {
        guard takes(.picture) else { throw Unchecked("it takes no picture") }
        guard succeeds else { throw Unchecked("needs a worker whose task succeeds") }
        return try answering()
    }
}
