import Glibc
import Testing
import Wire

@testable import ExpertKit

/// What the wire and ExpertKit cost, printed; the worker is another process. Nothing is asserted but that it all arrives.
@Suite(.serialized, .enabled(if: ChildProcess.rehearsal != nil, "lorgnette-rehearsal is not built")) struct RoundTripTests {
    @Test func emptyTasks() throws {
        let coordinator = try MiniCoordinator(try ZMQContext())
        let child = try ChildProcess(
            [ChildProcess.rehearsal ?? ""], environment: ["LORGNETTE_CONNECT": coordinator.endpoint.text])
        let credit = UInt64(try coordinator.greet(["say": .string("")]))

        var times: [Duration] = []
        for id in 1...2000 as ClosedRange<UInt64> {
            let start = SuspendingClock.now
            try coordinator.task(id)
            guard try coordinator.word() == "result \(id)" else { throw MiniCoordinator.Silence() }
            times.append(start.duration(to: .now))
        }
        times.sort()

        let start = SuspendingClock.now
        let first: UInt64 = 10_000
        let count: UInt64 = 5000
        for id in first..<(first + credit) { try coordinator.task(id) }
        for index in 0..<count {
            guard case .result = try coordinator.next().body else { throw MiniCoordinator.Silence() }
            if index + credit < count { try coordinator.task(first + credit + index) }
        }
        let rate = Double(count) / start.duration(to: .now).inSeconds
        print(
            "round trip of an empty task: median \(micros(times[1000])) µs, 99% \(micros(times[1980])) µs; with credit \(credit): \(Int(rate)) tasks/s"
        )
        try coordinator.send(.drain(.init()))
        #expect(try coordinator.word() == "goodbye")
        #expect(child.wait() == .exit(0))
    }

    private func micros(_ time: Duration) -> Int { Int(time.inSeconds * 1e6) }
}
