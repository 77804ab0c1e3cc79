import Foundation
import Testing
import Wire

@testable import ExpertKit

@Suite struct MischiefTests {
    let log = "\(FileManager.default.temporaryDirectory.path)/lorgnette-mischief-\(UUID().uuidString).log"

    private func task(_ id: UInt64) -> ExpertTask {
        let header = Lorgnette_V1_Task.with {
            $0.id = id
            $0.attempt = 1
            $0.item = "item \(id)"
        }
        return ExpertTask(header, payloads: [], arrived: .now) { _, _ in }
    }

    private func result(_ id: UInt64) -> Message {
        Message(
            epoch: 1,
            .result(
                .with {
                    $0.task = id
                    $0.attempt = 1
                }))
    }

    @Test func withoutChaosThereIsNone() {
        #expect(Mischief(worker: "one.0", chaos: nil) == nil)
        #expect(Mischief(worker: "one.0", chaos: "") == nil)
        #expect(Mischief(worker: "one.0", chaos: "nonsense") == nil)
    }

    @Test func onlyAnswersOfKnownTasksAreLost() throws {
        defer { try? FileManager.default.removeItem(atPath: log) }
        let mischief = try #require(Mischief(worker: "one.0", chaos: try Chaos("drop=1", seed: 1, log: log).text))
        mischief.befall(task(4))
        #expect(mischief.befall(Message(epoch: 1, .heartbeat(.init()))).count == 1)
        #expect(mischief.befall(result(5)).count == 1, "a task that never began")
        #expect(mischief.befall(result(4)).isEmpty)
        #expect(try String(contentsOfFile: log, encoding: .utf8) == "drop one:result 1 \"item 4\"\n")
    }
}
