import ExpertKit
import Glibc

/// The pipes between a worker and a program that it runs. None is inherited by another program.
struct Pipes {
    /// Held open and never written to: its end is ours.
    private var life: Int32 = -1
    var output: Int32 = -1
    var errors: Int32 = -1
    /// What become standard input, output and error on the other side.
    private(set) var farEnds: [Int32] = []

    /// - Throws: ``ExpertFailure`` INTERNAL if the process has no descriptors left.
    init() throws(ExpertFailure) {
        do throws(ExpertFailure) {
            let (lifeEnd, life) = try Self.pair()
            self.life = life
            farEnds.append(lifeEnd)
            let (output, outputEnd) = try Self.pair()
            self.output = output
            farEnds.append(outputEnd)
            let (errors, errorsEnd) = try Self.pair()
            self.errors = errors
            farEnds.append(errorsEnd)
        } catch {
            close()
            throw error
        }
        for end in [output, errors] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    }

    private static func pair() throws(ExpertFailure) -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .internalFault("cannot make a pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// Waits until there is something to read, 20 ms at most; 2 ms if nothing can come any more.
    func wait() {
        var ends = [
            pollfd(fd: output, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
        ]
        poll(&ends, 2, output < 0 && errors < 0 ? 2 : 20)
    }

    /// Reads what is there, at most 64 KiB, and closes an end that has come to its own. False if there was nothing.
    static func read(_ end: inout Int32, _ take: (ArraySlice<UInt8>) -> Void) -> Bool {
        guard end >= 0 else { return false }
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = Glibc.read(end, &chunk, chunk.count)
        if count > 0 {
            take(chunk[..<count])
        } else if count == 0 {
            _ = Glibc.close(end)
            end = -1
        }
        return count > 0
    }

    mutating func closeFarEnds() {
        for end in farEnds { _ = Glibc.close(end) }
        farEnds = []
    }

    mutating func close() {
        closeFarEnds()
        for end in [life, output, errors] where end >= 0 { _ = Glibc.close(end) }
        (life, output, errors) = (-1, -1, -1)
    }
}
