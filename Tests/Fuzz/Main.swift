import Foundation
import Mutations

/// `Fuzz COUNT FOLDER [NAME…]`: mutations of each format, each format in a process of its own, so that a trap is counted
/// and its file kept in the folder. Exit status 1 if there was one. `Fuzz --run NAME FIRST END FOLDER` is that process.
@main enum Main {
    static func main() throws {
        let words = CommandLine.arguments
        if words.count == 6, words[1] == "--run" {
            return try run(words[2], Int(words[3]) ?? 0, Int(words[4]) ?? 0, words[5])
        }
        guard words.count >= 3, let count = Int(words[1]), count > 0 else {
            print("usage: Fuzz COUNT FOLDER [NAME…]")
            exit(2)
        }
        let subjects = Subject.all.filter { words.count == 3 || words[3...].contains($0.name) }
        var traps = 0
        print("format               files    read  refused  traps  seconds")
        for subject in subjects { traps += try supervise(subject, count, words[2]) }
        exit(traps == 0 ? 0 : 1)
    }

    /// Most traps of a format that are looked at.
    private static let mostTraps = 20

    private static func supervise(_ subject: Subject, _ count: Int, _ folder: String) throws -> Int {
        let room = "\(folder)/\(subject.name)"
        let start = ContinuousClock.now
        var (first, read, traps) = (0, 0, 0)
        while first < count, traps < mostTraps {
            try? FileManager.default.removeItem(atPath: room)
            try FileManager.default.createDirectory(atPath: room + "/room", withIntermediateDirectories: true)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = ["--run", subject.name, "\(first)", "\(count)", room]
            process.standardInput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            let note = (try? String(contentsOfFile: room + "/note", encoding: .utf8)) ?? ""
            let numbers = note.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
            guard numbers.count == 2 else { break }
            read += numbers[1]
            if process.terminationReason == .exit, process.terminationStatus == 0 {
                first = count
            } else {
                traps += 1
                let kept = "\(folder)/\(subject.name)-\(numbers[0])"
                try? FileManager.default.removeItem(atPath: kept)
                try FileManager.default.moveItem(atPath: room, toPath: kept)
                print("  trap at file \(numbers[0]), status \(process.terminationStatus): \(kept)")
                first = numbers[0] + 1
            }
        }
        try? FileManager.default.removeItem(atPath: room)
        let seconds = (ContinuousClock.now - start).components.seconds
        func cell(_ number: Int, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - "\(number)".count)) + "\(number)"
        }
        print(
            subject.name.padding(toLength: 18, withPad: " ", startingAt: 0) + cell(first, 8) + cell(read, 8)
                + cell(first - read - traps, 9) + cell(traps, 7) + cell(Int(seconds), 9))
        fflush(nil)
        return traps
    }

    private static func run(_ name: String, _ first: Int, _ end: Int, _ folder: String) throws {
        guard let subject = Subject.all.first(where: { $0.name == name }) else { exit(2) }
        // What asks for more than this trusts a size that it has not checked.
        var limit = rlimit(rlim_cur: 6 << 30, rlim_max: 6 << 30)
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        let note = open(folder + "/note", O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        func write(_ number: Int, _ read: Int) {
            // Numbers do not get shorter.
            var line = Array("\(number) \(read)\n".utf8)
            pwrite(note, &line, line.count, 0)
            // A file that takes this long is as bad as a trap.
            alarm(30)
        }
        let read = try subject.run(from: first, to: end, in: folder + "/room", each: write)
        write(end, read)
        exit(0)
    }
}
