import Glibc
import Testing

@testable import ExpertKit

/// What a process takes from itself stays taken, so each of these is a process of its own.
@Suite struct ConfinementTests {
    @Test func aDecoderHasLocalSocketsOnly() async {
        await #expect(processExitsWith: .success) {
            Confinement.decoder.begin(local: true) { _ in _exit(3) }
            let stream = Int32(SOCK_STREAM.rawValue)
            for family in [AF_INET, AF_INET6, AF_NETLINK] where socket(family, stream, 0) >= 0 || errno != EACCES {
                _exit(4)
            }
            guard socket(AF_UNIX, stream, 0) >= 0 else { _exit(5) }
            _exit(0)
        }
    }

    @Test func aDecoderBehindTCPKeepsTheNetwork() async {
        await #expect(processExitsWith: .success) {
            Confinement.decoder.begin(local: false) { _ in _exit(3) }
            guard socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) >= 0 else { _exit(4) }
            _exit(0)
        }
    }

    @Test func otherExpertsKeepEverything() async {
        await #expect(processExitsWith: .success) {
            Confinement.none.begin(local: true) { _ in _exit(3) }
            guard socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) >= 0 else { _exit(4) }
            _exit(0)
        }
    }

    @Test func memoryAndFilesAreLimited() async {
        await #expect(processExitsWith: .success) {
            var confinement = Confinement.decoder
            confinement.memory = 64 << 20
            confinement.begin(local: true) { _ in _exit(3) }
            confinement.limitMemory()
            // What is there already does not count, and what is too much is refused rather than given.
            guard let some = malloc(32 << 20), malloc(128 << 20) == nil else { _exit(4) }
            free(some)
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
            guard limit.rlim_cur == 0 else { _exit(5) }
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            guard limit.rlim_max <= 256 else { _exit(6) }
            _exit(0)
        }
    }

    @Test func heldMemoryIsRead() throws {
        #expect(try #require(Confinement.held) > 1 << 20)
    }
}
