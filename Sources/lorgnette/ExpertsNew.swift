import ArgumentParser
import Coordination
import Foundation

/// `experts new`: the folder of an expert that builds, has a test and runs, to be changed from there.
struct ExpertsNew: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Writes the package of a new expert: it builds, has a test, and runs.")

    enum Language: String, CaseIterable, ExpressibleByArgument {
        case swift, python
    }

    @Argument(help: "One word for the expert, as pipelines will name it.") var name: String
    @Option(help: "swift or python.") var language: Language
    @Option(name: .customLong("in"), help: "The folder to write it in.") var folder = "."
    @Option(help: "Lorgnette's checkout, for swift; found from this program if it lies in one.") var lorgnette: String?

    func validate() throws {
        let isWord =
            name.utf8.count <= 40 && name.utf8.first.map { (97...122).contains($0) } == true
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
        guard isWord else {
            throw ValidationError(
                "NAME: expected a word of a-z, 0-9 and _ that begins with a letter, at most 40 characters, found \"\(name)\""
            )
        }
        let taken = ExpertLocator().installed().map(\.name) + ["models", "train"]
        if taken.contains(name) {
            throw ValidationError("NAME: there is a program lorgnette-\(name) already; see `lorgnette experts list`")
        }
    }

    func run() throws {
        let place = URL(fileURLWithPath: folder).appendingPathComponent(name).standardizedFileURL.path
        // Not fileExists: a link to nowhere is something, too.
        if (try? FileManager.default.attributesOfItem(atPath: place)) != nil {
            throw failed("\(place) is there already; nothing was written")
        }
        let template: ExpertTemplate
        switch language {
        case .swift: template = .swift(name, lorgnette: try checkout())
        case .python: template = .python(name)
        }
        do {
            for (file, text) in template.files {
                let path = "\(place)/\(file)"
                try FileManager.default.createDirectory(
                    atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
                try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .withoutOverwriting)
            }
        } catch {
            throw failed("\(place): \(error.localizedDescription)")
        }
        Terminal.say("\(place):")
        for (file, _) in template.files { Terminal.say("    \(file)") }
        for (what, command) in template.steps(place) { Terminal.say("\(what)\n    \(command)") }
    }

    /// The folder of Lorgnette's own package.
    private func checkout() throws -> String {
        if let lorgnette {
            let path = URL(fileURLWithPath: lorgnette).standardizedFileURL.path
            guard Self.isCheckout(path) else {
                throw failed(
                    "--lorgnette \(lorgnette): expected a folder with Package.swift and Sources/ExpertKit, found none")
            }
            return path
        }
        var path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        while path.count > 1 {
            path = (path as NSString).deletingLastPathComponent
            if Self.isCheckout(path) { return path }
        }
        throw failed("this program lies in no checkout of Lorgnette: say where one is with --lorgnette PATH")
    }

    private static func isCheckout(_ path: String) -> Bool {
        ["Package.swift", "Sources/ExpertKit/Expert.swift"].allSatisfy {
            FileManager.default.fileExists(atPath: "\(path)/\($0)")
        }
    }

    private func failed(_ reason: String) -> ExitCode {
        Terminal.complain("lorgnette: \(reason)")
        return .configuration
    }
}
