import ArgumentParser
import Foundation

// What a person waits for: whole programs, from their start to their end.
extension Bench {
    private static let photos = ["astronaut.png", "chelsea.png", "china.jpg", "coffee.png", "flower.jpg", "rocket.jpg"]
    private static let pages = ["page.png", "text.png"]
    private var benchmarks: String { "Tests/Benchmarks" }

    /// Captions for 200 pictures; beside it the same pipeline with one picture at a time in each expert's hands.
    func folderCaptions() throws -> Row {
        let count = 200
        let folder = try Folder()
        let inputs = try folder.pictures(count, from: pictures, orDemo: Self.photos)
        func rate(_ settings: [String]) throws -> Double {
            try Self.rate(of: count) {
                try folder.lorgnette(["run", "\(pipelines)/caption.yaml", inputs, "--out", folder.fresh("out")] + settings)
            }
        }
        let alone = ["visual", "caption"].flatMap { ["--set", "\($0).batch=1"] }
        var row = Row(name: Measurement.folderCaptions.rawValue, unit: "pictures/s")
        row.note = "peer: the same pipeline with batch: 1"
        for _ in 0..<repeats {
            row.ours.append(try rate([]))
            row.peer.append(try rate(alone))
        }
        return row
    }

    /// The text of 40 upright pages, by read.yaml's stage for it alone, since what a language model then says of it is not
    /// Tesseract's to compare; beside it Tesseract's own interface in a loop, in as many processes.
    func folderOCR() throws -> Row {
        let count = 40
        let folder = try Folder()
        let inputs: String
        if let scans {
            inputs = try folder.pictures(count, from: scans, orDemo: [])
        } else {
            inputs = folder.fresh("pages")
            try FileManager.default.createDirectory(atPath: inputs, withIntermediateDirectories: true)
            try folder.shell("exec python3 \(benchmarks)/make_pages.py \"$@\"", [inputs, "\(count)"])
        }
        let pipeline = folder.fresh("text") + ".yaml"
        try "pipeline: text\nstages:\n  text: {expert: ocr, languages: [eng], workers: \(threads)}\nanswer: text\n".write(
            toFile: pipeline, atomically: true, encoding: .utf8)
        let files = try FileManager.default.contentsOfDirectory(atPath: inputs).sorted().map { "\(inputs)/\($0)" }
        var row = Row(name: Measurement.folderOCR.rawValue, unit: "pictures/s")
        row.note = "read.yaml's stage text; peer: Tesseract's interface in a loop"
        for _ in 0..<repeats {
            row.ours.append(
                try Self.rate(of: count) { try folder.lorgnette(["run", pipeline, inputs, "--out", folder.fresh("out")]) })
            row.peer.append(
                try Self.rate(of: count) {
                    try folder.shell("exec python3 \(benchmarks)/tesseract_loop.py \"$@\"", ["\(threads)"] + files)
                })
        }
        return row
    }

    /// An empty task to a worker and back.
    func stageOverhead() throws -> Row {
        let folder = try Folder()
        var row = Row(name: Measurement.stageOverhead.rawValue, unit: "µs, median")
        var worst: [Double] = []
        for _ in 0..<repeats {
            let output = try folder.lorgnette(["round-trips", "--count", "2000"])
            guard let seconds = try JSONSerialization.jsonObject(with: output) as? [Double], !seconds.isEmpty else {
                throw ValidationError("round-trips: expected a list of seconds")
            }
            row.ours.append(Row.median(seconds) * 1e6)
            worst.append(seconds.sorted()[seconds.count * 99 / 100] * 1e6)
        }
        row.note = String(format: "99 of 100 within %.0f µs, median of the runs", Row.median(worst))
        return row
    }

    /// From the start of `lorgnette ask` to the first letter of its answer, workers and models included.
    func firstToken() throws -> Row {
        let folder = try Folder()
        let picture = try folder.pictures(1, from: pictures, orDemo: Self.photos)
        let file = try FileManager.default.contentsOfDirectory(atPath: picture)[0]
        func ask() throws -> Double {
            let program = folder.program(["ask", "\(picture)/\(file)", "What is in this picture?"])
            let output = Pipe()
            program.standardOutput = output
            let seconds = try Self.seconds {
                try program.run()
                _ = try output.fileHandleForReading.read(upToCount: 1)
            }
            _ = try output.fileHandleForReading.readToEnd()
            program.waitUntilExit()
            guard program.terminationStatus == 0 else { throw ValidationError("lorgnette ask ended with an error") }
            return seconds
        }
        return try alternate(.firstToken, "s", ours: ask)
    }

    /// What all processes of describe.yaml hold together at most, pages that several of them share counted once.
    func memory() throws -> Row {
        let folder = try Folder()
        let inputs = try folder.pictures(8, from: nil, orDemo: Self.photos + Self.pages)
        var row = Row(name: Measurement.memory.rawValue, unit: "MB")
        for _ in 0..<repeats {
            let program = folder.program(
                ["run", "\(pipelines)/describe.yaml", inputs, "--out", folder.fresh("out")])
            program.standardOutput = FileHandle.nullDevice
            try program.run()
            var most = 0.0
            while program.isRunning {
                let held = Self.proportionalSetSizes(of: program.processIdentifier)
                let sum = held.reduce(0) { $0 + $1.megabytes }
                if sum > most {
                    most = sum
                    row.note = held.map { String(format: "%@ %.0f", $0.name, $0.megabytes) }.joined(separator: ", ")
                }
                usleep(20_000)
            }
            guard program.terminationStatus == 0 else { throw ValidationError("describe.yaml ended with an error") }
            row.ours.append(most)
        }
        return row
    }

    /// Name and proportional set size of a process and all that descend from it (proc(5), smaps_rollup).
    private static func proportionalSetSizes(of root: Int32) -> [(name: String, megabytes: Double)] {
        func text(_ process: Int32, _ file: String) -> String {
            (try? String(contentsOfFile: "/proc/\(process)/\(file)", encoding: .utf8)) ?? ""
        }
        var parents: [Int32: Int32] = [:]
        for process in ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap({ Int32($0) }) {
            let stat = text(process, "stat")
            // The name, in parentheses, may have anything in it; the parent is the second word behind.
            let words = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
            if words.count > 2 { parents[process] = Int32(words[2]) }
        }
        var family: Set<Int32> = [root]
        while true {
            let more = parents.filter { family.contains($1) && !family.contains($0) }.map(\.key)
            if more.isEmpty { break }
            family.formUnion(more)
        }
        return family.sorted().compactMap { process in
            let line = text(process, "smaps_rollup").split(separator: "\n").first { $0.hasPrefix("Pss:") }
            let kilobytes = line.flatMap { Double($0.filter(\.isNumber)) } ?? 0
            let name = text(process, "comm").trimmingCharacters(in: .whitespacesAndNewlines)
            return kilobytes > 0 ? (name, kilobytes / 1024) : nil
        }
    }

    /// A place for inputs and outputs, gone when it is no longer used, and our own program.
    final class Folder {
        private let path = NSTemporaryDirectory() + "lorgnette-bench-\(UUID().uuidString)"
        private var count = 0

        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        /// A path where nothing is yet.
        func fresh(_ name: String) -> String {
            count += 1
            return "\(path)/\(name)-\(count)"
        }

        /// A folder of `count` different pictures: those of a folder, or of the demo's, again and again with another number
        /// behind their end, which no decoder reads and every hash sees.
        func pictures(_ count: Int, from source: String?, orDemo demo: [String]) throws -> String {
            let from = source ?? (ModelsFolder.path as NSString).deletingLastPathComponent + "/demo"
            let names = source == nil ? demo : try FileManager.default.contentsOfDirectory(atPath: from).sorted()
            guard !names.isEmpty else { throw ValidationError("\(from): expected pictures, found none") }
            let to = fresh("pictures")
            try FileManager.default.createDirectory(atPath: to, withIntermediateDirectories: true)
            for i in 0..<count {
                let name = names[i % names.count]
                var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(from)/\(name)"))
                if i >= names.count { bytes.append(Data("\n\(i / names.count)".utf8)) }
                try bytes.write(to: URL(fileURLWithPath: "\(to)/\(i)-\(name)"))
            }
            return to
        }

        func program(_ arguments: [String]) -> Process {
            let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
            let process = Process()
            process.executableURL = URL(fileURLWithPath: (own as NSString).deletingLastPathComponent + "/lorgnette")
            process.arguments = arguments
            process.standardError = FileHandle.nullDevice
            // The programs share the machine as they do for a person.
            process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "LORGNETTE_THREADS" }
            return process
        }

        /// What a program of ours prints.
        @discardableResult
        func lorgnette(_ arguments: [String]) throws -> Data { try output(of: program(arguments)) }

        func shell(_ command: String, _ arguments: [String]) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", command, "peer"] + arguments
            _ = try output(of: process)
        }

        private func output(of process: Process) throws -> Data {
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let data = try output.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                let words = [process.executableURL?.path ?? ""] + (process.arguments ?? [])
                throw ValidationError("exit status \(process.terminationStatus) of \(words.prefix(6).joined(separator: " "))")
            }
            return data
        }
    }
}
