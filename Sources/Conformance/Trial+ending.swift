import Glibc
import Wire

extension Trial {
    static let ending: [Trial] = [
        Trial(name: "drain.finishes", about: "it answers what it holds before it ends", endsWorker: true) { bench in
            let conversation = try bench.answering()
            let keys = try (0..<bench.credit(conversation, atMost: 4)).map { _ in conversation.ask(try bench.task()) }
            conversation.isEnding = true
            conversation.say(.drain(.init()))
            for key in keys { _ = try bench.answer(of: key, conversation, after: "Drain") }
            try conversation.mustLeave("after Drain", bench)
        },
        Trial(
            name: "drain.refuses", about: "a task after Drain is refused with DRAINING, or it has ended",
            endsWorker: true
        ) { bench in
            let conversation = try bench.answering()
            let held = conversation.ask(try bench.task())
            conversation.isEnding = true
            conversation.say(.drain(.init()))
            let late = conversation.ask(try bench.task())
            _ = try bench.answer(of: held, conversation, after: "Drain")
            try conversation.mustLeave("after Drain", bench)
            if let answer = conversation.answers[late]?.first { try answer.mustFail([.draining], "a task after Drain") }
        },
        Trial(name: "sigterm.drains", about: "SIGTERM means Drain", endsWorker: true) { bench in
            let conversation = try bench.answering()
            conversation.ask(try bench.task())
            conversation.isEnding = true
            conversation.process?.kill(SIGTERM)
            try conversation.mustLeave("after SIGTERM", bench, work: bench.pace.answer)
        },
        Trial(name: "kill.restart", about: "after SIGKILL its successor has another epoch", endsWorker: true) { bench in
            let conversation = try bench.answering()
            conversation.isEnding = true
            let before = bench.epochs
            conversation.process?.kill(SIGKILL)
            _ = try conversation.waitForEnd("after SIGKILL", within: bench.pace.farewell)
            let next = try bench.serving()
            if before.contains(next.epoch) {
                throw Complaint(expected: "an epoch that no process before it had", found: "\(next.epoch) again")
            }
            try bench.goesOn(next, after: "SIGKILL of the process before it")
        },
        Trial(
            name: "silence.ends", about: "it ends when the coordinator has been silent for liveness_ms",
            endsWorker: true
        ) { bench in
            let conversation = try bench.started()
            try bench.greet(conversation)
            let liveness = min(bench.pace.liveness, .seconds(2))
            try bench.welcome(conversation, liveness: liveness)
            conversation.isEnding = true
            // The last sign of life; from here on its clock runs.
            conversation.say(.heartbeat(.init()))
            conversation.isMute = true
            let begin = conversation.now
            _ = try conversation.waitForEnd(
                "after silence for \(liveness.inWords)", within: liveness + bench.pace.farewell)
            let waited = conversation.now - begin
            if waited < liveness / 2 {
                throw Complaint(
                    expected: "it to wait for \(liveness.inWords) of silence",
                    found: "that it ended after \(waited.inWords)")
            }
        },
        Trial(name: "parent.death", about: "it ends with the process in LORGNETTE_PARENT", endsWorker: true) { bench in
            try outlive(bench)
        },
        Trial(name: "drain.goodbye", about: "Drain, with nothing to do: Goodbye, and exit status 0") { bench in
            let conversation = try bench.serving()
            conversation.isEnding = true
            conversation.say(.drain(.init()))
            try conversation.mustLeave("after Drain", bench)
        },
    ]

    /// A shell stands in for the coordinator: it has started the worker, and is killed.
    private static func outlive(_ bench: Bench) throws {
        let command = try bench.command()
        // What would end it in any case is left away: here the worker itself is looked at.
        let own =
            command.first?.hasSuffix("/setpriv") == true ? Array(command.drop { $0 != "--" }.dropFirst()) : command
        let conversation = try bench.started(
            command: ["/bin/sh", "-c", "LORGNETTE_PARENT=$$ \"$0\" \"$@\" & wait"] + own)
        conversation.looksAfterProcess = false
        try bench.greet(conversation)
        guard let pid = conversation.hello.map({ pid_t(clamping: $0.pid) }), pid > 0 else {
            throw Unchecked("Hello has no process number")
        }
        let liveness = min(bench.pace.liveness, .seconds(2))
        try bench.welcome(conversation, liveness: liveness)
        conversation.isEnding = true
        conversation.isMute = true
        if let shell = conversation.process { kill(shell.identifier, SIGKILL) }
        let patience = liveness + bench.pace.farewell
        _ = try conversation.wait(for: "process \(pid) to end with its parent", within: patience) {
            isRunning(pid) ? nil : true
        }
    }

    /// False for a process that has ended, also while nobody has asked for its end.
    private static func isRunning(_ pid: pid_t) -> Bool {
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return kill(pid, 0) == 0 }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let text = String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return false }
        return !["Z", "X"].contains(text[end...].dropFirst(2).first)
    }
}

extension Conversation {
    /// Goodbye, then the end with exit status 0.
    /// - Parameter work: time for what may still be held.
    fileprivate func mustLeave(_ why: String, _ bench: Bench, work: Duration = .zero) throws {
        _ = try wait(for: "Goodbye \(why)", within: work + bench.pace.farewell) { goodbye }
        guard process != nil else { return }
        let ending = try waitForEnd("after Goodbye", within: bench.pace.farewell)
        if ending != "exit status 0" { throw Complaint(expected: "exit status 0 \(why)", found: ending) }
    }
}
