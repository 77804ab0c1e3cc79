import Wire

extension Trial {
    static let credit: [Trial] = [
        Trial(name: "credit.full", about: "as many tasks as it wants are answered, all of them") { bench in
            let conversation = try bench.answering()
            let keys = try (0..<bench.credit(conversation)).map { _ in conversation.ask(try bench.task()) }
            for key in keys {
                let answer = try bench.answer(of: key, conversation)
                if bench.succeeds { try answer.mustSucceed("\(key), one of \(keys.count) at once") }
            }
        },
        Trial(name: "credit.over", about: "a task over the credit is answered: a Result, or a retryable PROTOCOL") {
            bench in
            let conversation = try bench.answering()
            guard let credit = conversation.ready?.credit, credit <= 64 else {
                throw Unchecked("its credit is over 64")
            }
            let keys = try (0..<Int(credit) + 4).map { _ in conversation.ask(try bench.task()) }
            for key in keys {
                let answer = try bench.answer(of: key, conversation)
                if bench.succeeds {
                    try answer.mustSucceed(orFail: .protocol, "\(key), one of \(keys.count) with a credit of \(credit)")
                }
            }
            try bench.goesOn(conversation, after: "more tasks than its credit")
        },
        Trial(name: "task.twice", about: "a task that comes twice is worked on once") { bench in
            let conversation = try bench.answering()
            // What is refused at once is not worked on at all.
            guard bench.succeeds else { throw Unchecked("needs a worker whose task succeeds") }
            let task = try bench.task()
            conversation.ask(task)
            conversation.say(.task(task.header), payloads: task.payloads)
            _ = try bench.answer(of: task.key, conversation)
            try bench.goesOn(conversation, after: "a task that came twice")
            try conversation.listen(for: .milliseconds(200))
            let count = conversation.answers[task.key]?.count ?? 0
            if count != 1 { throw Complaint(expected: "one answer to a task that came twice", found: "\(count)") }
        },
        Trial(name: "task.attempt", about: "another attempt of a task has an answer of its own") { bench in
            let conversation = try bench.answering()
            let first = try bench.task()
            var second = first
            second.header.attempt = 2
            conversation.ask(first)
            conversation.ask(second)
            let answers = try [first.key, second.key].map { try bench.answer(of: $0, conversation) }
            if bench.succeeds {
                try answers[0].mustSucceed("attempt 1")
                try answers[1].mustSucceed(orFail: .protocol, "attempt 2 while attempt 1 is held")
            }
        },
    ]

    static let cancelling: [Trial] = [
        Trial(name: "cancel.answered", about: "a cancelled task has one answer: CANCELLED, or its Result") { bench in
            let conversation = try bench.answering()
            let keys = try (0..<bench.credit(conversation, atMost: 4)).map { _ in conversation.ask(try bench.task()) }
            for key in keys { conversation.cancel(key) }
            for key in keys {
                let answer = try bench.answer(of: key, conversation)
                if bench.succeeds { try answer.mustSucceed(orFail: .cancelled, "a cancelled task") }
            }
            try bench.goesOn(conversation, after: "Cancel")
            try conversation.listen(for: .milliseconds(200))
            if let key = keys.first(where: { conversation.answers[$0]?.count != 1 }) {
                throw Complaint(
                    expected: "one answer to a cancelled task", found: "\(conversation.answers[key]?.count ?? 0)")
            }
        },
        Trial(name: "cancel.unknown", about: "Cancel of a task that it does not hold changes nothing") { bench in
            let conversation = try bench.answering()
            let key = TaskKey(id: 1 << 40, attempt: 1)
            conversation.cancel(key)
            try bench.goesOn(conversation, after: "Cancel of a task that it does not hold")
            if let answer = conversation.answers[key]?.first {
                throw Complaint(expected: "no answer to Cancel of a task that it does not hold", found: answer.words)
            }
        },
    ]
}

extension Conversation {
    fileprivate func cancel(_ key: TaskKey) {
        say(
            .cancel(
                .with {
                    $0.task = key.id
                    $0.attempt = key.attempt
                }))
    }
}
