import Wire

extension Trial {
    static let greeting: [Trial] = [
        Trial(name: "hello.said", about: "Hello is the first thing it says") { bench in
            _ = try bench.greeted()
        },
        Trial(name: "hello.repeated", about: "Hello is repeated every second until it is answered") { bench in
            let conversation = try bench.greeted()
            // No heartbeats, which are half an answer.
            conversation.isMute = true
            defer { conversation.isMute = false }
            let before = conversation.hellos
            _ = try conversation.wait(for: "another Hello", within: .seconds(5)) {
                conversation.hellos > before ? true : nil
            }
        },
        Trial(name: "refuse.ends", about: "it ends when it is refused", endsWorker: true) { bench in
            let conversation = try bench.greeted()
            conversation.isEnding = true
            conversation.say(
                .refuse(
                    .with {
                        $0.code = .protocol
                        $0.message = "experts check refuses every worker once"
                    }))
            _ = try conversation.waitForEnd("after Refuse", within: bench.pace.farewell)
        },
        Trial(name: "version.welcome", about: "it does not work for another protocol, and names both", endsWorker: true) {
            bench in
            let other = WireProtocol.version + 1
            let conversation = try bench.greeted()
            conversation.isEnding = true
            let welcome = Lorgnette_V1_Welcome.with {
                $0.stage = bench.subject.stage.name
                $0.heartbeatMs = 1000
                $0.livenessMs = 15_000
            }
            conversation.say(.welcome(welcome), version: other)
            _ = try conversation.waitForEnd("after a Welcome with protocol \(other)", within: bench.pace.farewell)
            if conversation.ready != nil {
                throw Complaint(expected: "it to refuse a Welcome with protocol \(other)", found: "Ready")
            }
            let said = conversation.ownFailure.map { "Failure(\($0.code.word)): \($0.message)" }
            let numbers = (conversation.ownFailure?.message ?? "").split { !$0.isNumber }
            guard conversation.ownFailure?.code == .protocol, numbers.contains("\(other)"),
                numbers.contains("\(WireProtocol.version)")
            else {
                throw Complaint(
                    expected:
                        "Failure(PROTOCOL) with task 0 that names the numbers \(WireProtocol.version) and \(other)",
                    found: said ?? "none")
            }
        },
    ]
}
