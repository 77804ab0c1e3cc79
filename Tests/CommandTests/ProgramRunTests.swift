import ExpertKit
import Foundation
import Testing

@testable import lorgnette_command

/// What becomes of processes that do not end by themselves.
@Suite struct ProgramRunTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "lorgnette-run-\(UUID().uuidString)")
        .path

    /// Says its number and a child's in two files, then both wait for ever.
    private var sleepers: [String] {
        [
            "/bin/sh", "-c", "trap '' TERM; echo $$ > \"$1/a\"; sleep 100000 & echo $! > \"$1/b\"; echo ready; wait",
            "script", folder,
        ]
    }

    private func program(_ command: [String], seconds: Double = 60) -> ProgramRun {
        ProgramRun(
            command: command, environment: ["PATH=/usr/bin:/bin"], limits: .init(seconds: seconds),
            keeper: CommandExpert.keeper)
    }

    private func numbers() throws -> [pid_t] {
        try ["a", "b"].map { name in
            let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            return try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        }
    }

    /// Gone, or dead and waiting to be counted by whoever inherited it.
    private func isOver(_ number: pid_t) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8) else { return true }
        return text.split(separator: ")").last?.split(separator: " ").first == "Z"
    }

    /// A signal is sent at once and obeyed soon.
    private func waitUntilOver(_ numbers: [pid_t]) -> Bool {
        let end = SuspendingClock.now.advanced(by: .seconds(30))
        while SuspendingClock.now < end {
            if numbers.allSatisfy(isOver) { return true }
            sched_yield()
        }
        return false
    }

    private func inFolder(_ body: () throws -> Void) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body()
    }

    private func isReady() -> Bool { FileManager.default.fileExists(atPath: "\(folder)/b") && (try? numbers()) != nil }

    @Test func aSlowProgramIsEndedWithItsChildren() throws {
        try inFolder {
            #expect {
                _ = try program(sleepers, seconds: 3).output { false }
            } throws: { error in
                let failure = error as? ExpertFailure
                return failure?.code == .internal
                    && failure?.message.hasPrefix("sh: expected it to end within 3.0 s") == true
            }
            let left = try numbers()
            #expect(waitUntilOver(left))
        }
    }

    @Test func aCancelEndsTheProgram() throws {
        try inFolder {
            #expect {
                _ = try program(sleepers).output { isReady() }
            } throws: { ($0 as? ExpertFailure)?.code == .cancelled }
            let left = try numbers()
            #expect(waitUntilOver(left))
        }
    }

    @Test func whatAProgramLeavesBehindIsEnded() throws {
        try inFolder {
            let command = [
                "/bin/sh", "-c", "sleep 100000 & echo $! > \"$1/a\"; echo $! > \"$1/b\"; echo done", "script", folder,
            ]
            let output = try program(command).output { false }
            #expect(output == Array("done\n".utf8))
            let left = try numbers()
            #expect(waitUntilOver(left))
        }
    }

    @Test func whenTheWorkerEndsTheProgramEndsToo() throws {
        try inFolder {
            let keeper = Process()
            keeper.executableURL = URL(filePath: CommandExpert.keeper)
            keeper.arguments = [Keeper.word, "0"] + sleepers
            var life: [Int32] = [-1, -1]
            #expect(pipe(&life) == 0)
            for end in life { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            let output = Pipe()
            keeper.standardInput = FileHandle(fileDescriptor: life[0])
            keeper.standardOutput = output
            try keeper.run()
            #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) == "ready\n")
            // As the kernel does when a worker is killed.
            close(life[1])
            keeper.waitUntilExit()
            close(life[0])
            #expect(keeper.terminationReason == .uncaughtSignal && keeper.terminationStatus == SIGKILL)
            let left = try numbers()
            #expect(waitUntilOver(left))
        }
    }

    @Test func noDescriptorIsLeft() throws {
        func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        _ = try program(["/bin/echo", "x"]).output { false }
        let before = try descriptors()
        for _ in 0..<120 { _ = try program(["/bin/echo", "x"]).output { false } }
        // Other tests run beside this one and open some; one left by each run would be 120.
        #expect(try descriptors() < before + 100)
    }
}
