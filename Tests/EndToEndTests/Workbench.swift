import Foundation

/// A folder with inputs, an output folder and the built programs: what a person has on the table.
final class Workbench {
    let path: String
    var inputs: String { "\(path)/in" }
    var out: String { "\(path)/out" }

    static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Where the programs were built: the folder of the test bundle.
    static let programs: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return (bundle as NSString).deletingLastPathComponent
    }()

    /// The data folder of this machine.
    static let data: String = {
        func variable(_ name: String) -> String? {
            ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        return variable("LORGNETTE_HOME") ?? variable("XDG_DATA_HOME").map { "\($0)/lorgnette" }
            ?? "\(NSHomeDirectory())/.local/share/lorgnette"
    }()

    /// The virtual environment for experts in Python that `make setup` makes.
    static let python = "\(data)/python"

    init() throws {
        path = "\(FileManager.default.temporaryDirectory.path)/lorgnette-bench-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: inputs, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let file = "\(path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    /// A grey picture that differs from every other by its seed.
    func picture(_ name: String, seed: Int, size: Int = 4) throws {
        var pixels = [UInt8]("P5\n\(size) \(size)\n255\n".utf8)
        for index in 0..<size * size { pixels.append(UInt8(truncatingIfNeeded: seed &* 31 &+ index &* (seed &+ 7))) }
        try write("in/\(name)", pixels)
    }

    func pipeline(_ yaml: String) throws -> String { try write("pipeline.yaml", yaml.utf8) }

    struct Ended {
        let status: Int32
        let output: String
        let errors: String
    }

    /// Runs a program to its end.
    func run(_ arguments: [String], program: String = "lorgnette", environment: [String: String] = [:]) throws -> Ended {
        let process = Process()
        let isOurs = !program.contains("/")
        process.executableURL = URL(fileURLWithPath: isOurs ? "\(Self.programs)/\(program)" : program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: Self.package)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // Files, not pipes: a worker that inherits nothing still must not be able to keep a pipe open.
        let (output, errors) = ("\(path)/stdout", "\(path)/stderr")
        for file in [output, errors] { _ = FileManager.default.createFile(atPath: file, contents: nil) }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        let status = process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
        return Ended(
            status: status, output: try String(contentsOfFile: output, encoding: .utf8),
            errors: try String(contentsOfFile: errors, encoding: .utf8))
    }

    /// `lorgnette run PIPELINE in --out out …`
    func lorgnette(_ pipeline: String, _ arguments: [String] = []) throws -> Ended {
        try run(["run", pipeline, inputs, "--out", out] + arguments)
    }

    /// The lines of results.jsonl by item. Fails on a line that is not JSON and on an item with two lines.
    func results() throws -> [String: [String: Any]] {
        var results: [String: [String: Any]] = [:]
        for line in try Data(contentsOf: URL(fileURLWithPath: "\(out)/results.jsonl")).split(separator: UInt8(ascii: "\n")) {
            guard let object = try JSONSerialization.jsonObject(with: line) as? [String: Any],
                let item = object["item"] as? String
            else { throw Trouble.notALine(String(decoding: line, as: UTF8.self)) }
            if results.updateValue(object, forKey: item) != nil { throw Trouble.twoLines(item) }
        }
        return results
    }

    enum Trouble: Error {
        case notALine(String)
        case twoLines(String)
    }
}

extension [String: Any] {
    var status: String? { self["status"] as? String }
    var errorCode: String? { (self["error"] as? [String: Any])?["code"] as? String }
    var answerText: String? { (self["answer"] as? [String: Any])?["text"] as? String }
    func stage(_ name: String) -> [String: Any]? { (self["stages"] as? [String: [String: Any]])?[name] }
}
