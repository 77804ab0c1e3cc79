import Foundation
import Testing

/// `Sources/python/README.md`, word for word: its files are written, its commands are run, and print what it shows.
@Suite struct TutorialTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private struct Command {
        let words: String
        var output = ""
    }

    @Test func theFirstExpertIsMadeAsItIsWritten() throws {
        let text = try String(contentsOfFile: "\(Workbench.package)/Sources/python/README.md", encoding: .utf8)
        let folder = "\(bench.path)/tutorial"
        for (name, source) in [
            ("chelsea.png", "\(Workbench.data)/demo/chelsea.png"),
            ("describe.yaml", "\(Workbench.package)/pipelines/describe.yaml"),
        ] {
            try bench.write("tutorial/\(name)", try Data(contentsOf: URL(fileURLWithPath: source)))
        }
        var commands: [Command] = []
        var files = 0
        // The words before a block, its kind, its lines.
        for block in text.matches(of: /([^\n]*)\n\n```(\w+)\n([^`]*)```/) {
            if block.2 == "console" {
                for line in block.3.split(separator: "\n") {
                    if line.hasPrefix("$ ") {
                        commands.append(Command(words: String(line.dropFirst(2))))
                    } else {
                        commands[commands.count - 1].output += line + "\n"
                    }
                }
            } else if let name = block.1.firstMatch(of: /the file `([\w.]+)`:$/)?.1 {
                try bench.write("tutorial/\(name)", String(block.3).utf8)
                files += 1
            }
        }
        #expect(files == 2 && commands.count >= 9, "\(files) files, \(commands.count) commands")

        // One shell runs all of them; a mark tells where the output of each ends.
        let mark = "--- end of a command"
        let script = commands.map { "\($0.words)\necho '\(mark)'" }.joined(separator: "\n")
        let path = "\(Workbench.programs):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"
        let ended = try bench.run(
            ["-c", "cd \(folder) && exec 2>&1\n\(script)"], program: "/bin/bash",
            environment: ["PATH": path, "LORGNETTE_HOME": Workbench.data, "PYTHONDONTWRITEBYTECODE": "1"])
        let outputs = ended.output.components(separatedBy: "\(mark)\n")
        for (command, output) in zip(commands, outputs) {
            #expect(output == command.output, "\(command.words)")
        }
        #expect(outputs.count == commands.count + 1, "\(ended.output)")
    }
}
