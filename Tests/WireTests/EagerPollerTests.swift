import Testing

@testable import Wire

/// On an ipc socket that nobody connects to; what comes is the waker.
struct EagerPollerTests {
    private let folder: PrivateDirectory
    private let router: RouterSocket
    private let waker: Waker

    init() throws {
        folder = try PrivateDirectory(parent: "/tmp")
        router = try RouterSocket(try ZMQContext())
        try router.bind(try folder.endpoint("s"))
        waker = try Waker()
    }

    /// One that has just had an answer soon; a machine that is busy may need several tries for it.
    private func eager() throws -> EagerPoller {
        var poller = EagerPoller()
        for _ in 0..<1000 where !poller.isEager {
            waker.wake()
            #expect(try poller.wait(router, waker: waker, timeout: .seconds(10)) == .waker)
        }
        try #require(poller.isEager)
        return poller
    }

    @Test func sleepsUntilAnAnswerCameSoon() throws {
        #expect(!EagerPoller().isEager)
        _ = try eager()
    }

    @Test func sleepsAgainAfterAWaitWithoutAnAnswer() throws {
        var poller = try eager()
        #expect(try poller.wait(router, waker: waker, timeout: .zero) == [])
        #expect(!poller.isEager)
    }

    @Test func onlyAnAnswerThatCameSoonIsWorthLookingForTheNext() {
        #expect(EagerPoller.isWorthLooking(after: .readable, waited: .microseconds(199)))
        #expect(!EagerPoller.isWorthLooking(after: .readable, waited: .microseconds(200)))
        #expect(!EagerPoller.isWorthLooking(after: [], waited: .zero))
    }

    @Test func waitsAsLongAsItIsTold() throws {
        for var poller in [EagerPoller(), try eager()] {
            let begin = SuspendingClock.now
            #expect(try poller.wait(router, waker: waker, timeout: .milliseconds(30)) == [])
            #expect(begin.duration(to: .now) >= .milliseconds(30))
        }
    }

    @Test func seesWhatCanBeSent() throws {
        let dealer = try DealerSocket(try ZMQContext())
        try dealer.connect(try folder.endpoint("s"))
        var poller = EagerPoller()
        #expect(try poller.wait(dealer, waker: waker, timeout: .seconds(10), writable: true) == .writable)
    }
}
