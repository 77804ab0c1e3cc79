import Wire

extension Trial {
    static let loading: [Trial] = [
        Trial(name: "option.type", about: "an option of another type is refused with BAD_OPTION", endsWorker: true) {
            bench in
            var options = try bench.prepared().options
            guard let hello = bench.hello, let option = hello.options.min(by: { $0.ease < $1.ease }) else {
                throw Unchecked("it has no options")
            }
            options[option.name] = option.wrongValue
            let conversation = try bench.greeted()
            conversation.isEnding = true
            conversation.welcome(bench.subject.stage.name, options)
            let what = "Failure(BAD_OPTION) with task 0 for \(option.name): \(option.wrongValue)"
            let failure = try conversation.wait(for: what, within: bench.pace.load) {
                if conversation.ready != nil { throw Complaint(expected: what, found: "Ready") }
                return conversation.ownFailure
            }
            guard failure.code == .badOption else {
                throw Complaint(expected: what, found: "Failure(\(failure.code.word)): \(failure.message)")
            }
            _ = try conversation.waitForEnd("after Failure(BAD_OPTION)", within: bench.pace.farewell)
        },
        Trial(name: "ready.said", about: "it gets ready for tasks") { bench in
            _ = try bench.serving()
        },
    ]
}

extension Lorgnette_V1_Option {
    /// Types that are easiest to tell from others first.
    fileprivate var ease: Int {
        switch type {
        case .integer, .number: 0
        case .bool: 1
        case .integerMap: 2
        case .stringList: 3
        case .string, .unspecified, .UNRECOGNIZED: 4
        }
    }

    fileprivate var wrongValue: WireValue {
        switch type {
        case .integer, .number, .bool, .integerMap: .string("wrong")
        case .stringList: .number(7)
        case .string, .unspecified, .UNRECOGNIZED: .list([.list([])])
        }
    }
}
