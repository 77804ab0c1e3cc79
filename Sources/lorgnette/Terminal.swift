import ArgumentParser
import Coordination
import Foundation
import Pipelines

/// What every command says to a person, and how it ends.
enum Terminal {
    static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
    static func complain(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    /// Text from a picture or a model, fit to be shown: no control characters but line ends, so that nothing in a
    /// picture can drive the terminal.
    static func clean(_ text: String) -> String {
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
            clean.append(isControl && scalar != "\n" && scalar != "\u{200D}" ? "\u{FFFD}" : scalar)
        }
        return String(clean)
    }

    /// Runs `body` on a thread of its own: the coordinator blocks, and Swift's cooperative pool must not be blocked.
    static func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Result { try body() }) }
            thread.name = "coordinator"
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// Calls `body` on SIGINT and SIGTERM; a second signal ends the process at once, which loses nothing.
    static func onInterrupt(_ body: @escaping @Sendable () -> Void) -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            nonisolated(unsafe) var count = 0
            source.setEventHandler {
                count += 1
                if count > 1 { _exit(130) }
                body()
            }
            source.resume()
            return source
        }
    }

    /// Reports what stopped a command and gives its exit status.
    static func end(with error: any Error) -> ExitCode {
        complain("lorgnette: \(error)")
        guard let error = error as? CoordinationError else { return .configuration }
        if error.isMissingPart { return .missingPart }
        if error.isMachineTrouble {
            complain("what is done is kept; give the same command again when that is mended")
            return .machine
        }
        return .configuration
    }
}

/// A pipeline named on the command line, read.
func readPipeline(_ name: String, settings: [String], ask: String?) throws -> Pipeline {
    var path = name
    if !FileManager.default.fileExists(atPath: path), FileManager.default.fileExists(atPath: "pipelines/\(name).yaml") {
        path = "pipelines/\(name).yaml"
    }
    guard let data = FileManager.default.contents(atPath: path) else {
        throw Faults(faults: [Fault(file: name, message: "cannot read the pipeline file")])
    }
    guard let text = String(validating: data, as: UTF8.self) else {
        throw Faults(faults: [Fault(file: name, message: "expected UTF-8 text")])
    }
    var pipeline = try Pipeline.read(text, file: name).setting(settings)
    if let ask { pipeline.ask = ask }
    return pipeline
}
