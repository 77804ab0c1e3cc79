import Wire

extension Trial {
    static let inputs: [Trial] = [
        Trial(name: "input.missing", about: "a task without a required input is BAD_INPUT") { bench in
            let kinds: [Lorgnette_V1_Kind] = [.picture, .tensor, .text]
            let ports = (bench.hello?.inputs ?? []).filter { $0.required && kinds.contains($0.kind) }
            if ports.isEmpty { throw Unchecked("it requires no picture, tensor or text") }
            for port in ports {
                let conversation = try bench.answering()
                let answer = try bench.answer(to: try bench.task(without: port.name), conversation)
                try answer.mustFail([.badInput], "a task without \"\(port.name)\"")
                try bench.goesOn(conversation, after: "a task without \"\(port.name)\"")
            }
        },
        Trial(name: "input.unknown", about: "an input at a port that it does not have is BAD_INPUT") { bench in
            let conversation = try bench.answering()
            var task = try bench.task()
            task.feed("nobody", .words)
            try bench.answer(to: task, conversation).mustFail([.badInput], "an input at a port \"nobody\"")
            try bench.goesOn(conversation, after: "an input at a port \"nobody\"")
        },
        Trial(name: "input.second", about: "a second stage at a tensor port is BAD_INPUT") { bench in
            let (port, feed) = try bench.tensorPort()
            let conversation = try bench.answering()
            var task = try bench.task(without: port)
            task.feed(port, feed)
            task.feed(port, feed)
            try bench.answer(to: task, conversation).mustFail([.badInput], "two stages at port \"\(port)\"")
            try bench.goesOn(conversation, after: "two stages at port \"\(port)\"")
        },
        Trial(name: "input.tensor", about: "a tensor that is not what its head says is BAD_INPUT") { bench in
            let (port, sound) = try bench.tensorPort()
            for (what, spoil) in spoiltTensors {
                let conversation = try bench.answering()
                var feed = sound
                spoil(&feed)
                var task = try bench.task(without: port)
                task.feed(port, feed)
                if what == "a payload frame that is not there" {
                    for index in task.header.inputs.indices where task.header.inputs[index].port == port {
                        for tensor in task.header.inputs[index].outcome.tensors.indices {
                            task.header.inputs[index].outcome.tensors[tensor].frame = .max
                        }
                    }
                }
                try bench.answer(to: task, conversation).mustFail([.badInput], "a tensor with \(what)")
                try bench.goesOn(conversation, after: "a tensor with \(what)")
            }
        },
    ]

    private static let spoiltTensors: [(String, @Sendable (inout Feed) -> Void)] = [
        ("dtype f64", { $0.eachTensor { $0.dtype = "f64" } }),
        ("a shape that needs more bytes", { $0.eachTensor { $0.shape[0] += 1 } }),
        ("a dimension of 0", { $0.eachTensor { $0.shape[0] = 0 } }),
        ("no shape", { $0.eachTensor { $0.shape = [] } }),
        ("a shape beyond all memory", { $0.eachTensor { $0.shape = Array(repeating: .max, count: 8) } }),
        ("a payload frame that is not there", { _ in }),
        ("NaN in it", { $0.payloads = $0.payloads.map { Payload([UInt8](repeating: 0xFF, count: $0.count)) } }),
    ]
}

extension Feed {
    fileprivate mutating func eachTensor(_ change: (inout Lorgnette_V1_Tensor) -> Void) {
        for index in input.outcome.tensors.indices { change(&input.outcome.tensors[index]) }
    }
}

extension Bench {
    /// The worker's tensor port and what is fed to it; a tensor of no use if nothing is.
    fileprivate func tensorPort() throws -> (String, Feed) {
        guard let port = port(.tensor) else { throw Unchecked("it takes no tensors") }
        let feed = try prepared().feeds.first { $0.port == port.name }?.feeds.first
        return (port.name, feed ?? .tensor)
    }
}
