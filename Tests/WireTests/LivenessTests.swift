import Testing
import Wire

@Suite struct LivenessTests {
    let start = SuspendingClock.now

    @Test func beatsAndFallsSilentOnTime() {
        var link = Liveness(heartbeat: .seconds(1), patience: .seconds(5), now: start)
        #expect(!link.owesHeartbeat(at: start + .milliseconds(999)))
        #expect(link.owesHeartbeat(at: start + .seconds(1)))
        #expect(link.nextDeadline == start + .seconds(1))
        link.sent(at: start + .seconds(1))
        #expect(!link.owesHeartbeat(at: start + .milliseconds(1999)))
        #expect(!link.isSilent(at: start + .milliseconds(4999)))
        #expect(link.isSilent(at: start + .seconds(5)))
        link.heard(at: start + .seconds(5))
        #expect(!link.isSilent(at: start + .seconds(9)))
    }

    @Test func deadlineIsSilenceWhenThatComesFirst() {
        var link = Liveness(heartbeat: .seconds(2), patience: .seconds(3), now: start)
        link.sent(at: start + .seconds(2))
        #expect(link.nextDeadline == start + .seconds(3))
    }

    @Test func timeDoesNotRunBackwards() {
        var link = Liveness(heartbeat: .seconds(1), patience: .seconds(5), now: start)
        link.heard(at: start - .seconds(60))
        #expect(link.lastHeard == start)
    }
}
