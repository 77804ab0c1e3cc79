import Coordination
import Wire

/// How long a stage takes that has nothing to do.
public enum RoundTrips {
    /// Seconds from sending a task to having its result, for each of `count` empty tasks one after another, with a worker that
    /// is started for it as a run would start it.
    ///
    /// - Throws: what keeps the worker from answering.
    public static func measure(expert: String, count: Int) throws -> [Double] {
        let interruption = try Interruption()
        let folder = try PrivateDirectory()
        defer { folder.close() }
        guard let program = ExpertLocator().program(ofExpert: expert) else {
            throw Complaint(expected: "the program of the expert \"\(expert)\"", found: "none")
        }
        let pace = Pace()
        let conversation = try Conversation(
            .start(command: [program], log: "\(folder.path)/bench.log"), name: "bench.1",
            endpoint: try folder.endpoint("bench"), pace: pace, interruption: interruption)
        defer { _ = conversation.close() }
        _ = try conversation.wait(for: "Hello", within: pace.hello) { conversation.hello }
        conversation.welcome("bench", ["say": .string("done")])
        _ = try conversation.wait(for: "Ready", within: pace.load) { conversation.ready }
        // The first ones warm caches and are not counted.
        let warming = 100
        return try (1...warming + count).map { number in
            var task = PreparedTask(header: .init())
            task.header.id = UInt64(number)
            task.header.attempt = 1
            task.header.leaseMs = 10_000
            task.header.item = "empty"
            let before = SuspendingClock.now
            let key = conversation.ask(task)
            _ = try conversation.wait(for: "a result", within: pace.answer) { conversation.answers[key]?.first }
            return before.duration(to: .now)
        }.dropFirst(warming).map(\.inSeconds)
    }
}
