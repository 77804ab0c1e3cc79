import Testing
import Wire

@testable import ExpertKit

/// Silence, and how a conversation ends.
extension WorkerSessionTests {
    // MARK: Liveness

    @Test func sendingAnythingPutsOffTheHeartbeat() {
        var session = serving()
        _ = session.handle(task(1), at: start + .milliseconds(800))
        _ = session.handle(finished(1), at: start + .milliseconds(900))
        #expect(session.tick(at: start + .milliseconds(1500)).isEmpty)
        #expect(session.tick(at: start + .milliseconds(1900)).sent.map(\.word) == ["heartbeat"])
    }

    @Test func aSilentCoordinatorIsLeftAndWorkStops() {
        var session = serving()
        _ = session.handle(task(1), at: start)
        _ = session.handle(message(.heartbeat(.init())), at: start + .seconds(4))
        #expect(session.tick(at: start + .seconds(8)).exit == nil)
        let actions = session.tick(at: start + .seconds(9))
        #expect(actions.exit == .coordinatorLost)
        #expect(actions.contains { if case .cancel = $0 { true } else { false } })
        #expect(actions.sent.isEmpty)
        #expect(session.handle(finished(1), at: start + .seconds(9)).isEmpty)
    }

    @Test func malformedAndStrangeMessagesAreDropped() {
        var session = serving()
        for event in [
            .malformed(.noEnvelope), message(.hello(.init())), message(.result(.init())),
            message(.heartbeat(.init()), version: 3),
        ] {
            let actions = session.handle(event, at: start)
            #expect(actions.exit == nil && actions.sent.isEmpty)
        }
        #expect(session.handle(task(1), at: start).isRun)
    }

    // MARK: Ends

    @Test(arguments: [true, false])
    func drainFinishesWhatIsHeld(_ byCoordinator: Bool) {
        var session = serving()
        _ = session.handle(task(1), at: start)
        let drain = byCoordinator ? message(.drain(.init())) : .drain
        #expect(session.handle(drain, at: start).isEmpty)
        #expect(session.handle(task(2), at: start).sent.map(\.word) == ["failure 2 draining"])
        let last = session.handle(finished(1), at: start)
        #expect(last.sent.map(\.word) == ["result 1", "goodbye"])
        #expect(last.exit == .drained)
    }

    @Test func drainWithNothingHeldIsGoodbye() {
        var session = serving()
        let actions = session.handle(message(.drain(.init())), at: start)
        #expect(actions.sent.map(\.word) == ["goodbye"])
        #expect(actions.exit == .drained)
    }

    @Test func drainBeforeAnybodyAnsweredIsTheEnd() {
        var session = fresh()
        _ = session.begin(at: start)
        #expect(session.handle(.drain, at: start).exit == .drained)
    }

    @Test func goodbyeOfTheCoordinatorStopsTheWork() {
        var session = serving()
        _ = session.handle(task(1), at: start)
        let actions = session.handle(message(.goodbye(.init())), at: start)
        #expect(actions.exit == .drained)
        #expect(actions.sent.isEmpty)
        #expect(actions.contains { if case .cancel = $0 { true } else { false } })
    }
}
