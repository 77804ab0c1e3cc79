import Foundation
import Testing

@Suite struct OrderTests {
    let house = Repository.here

    /// Ends of the names of files that people write and read.
    static let written: Set<Substring> = ["swift", "c", "h", "sh", "py", "proto", "yaml"]

    @Test func filesAreShort() {
        var faults: [String] = []
        for file in house.files where !file.contains("/Generated/") && !file.contains("/Fixtures/") {
            guard Self.written.contains(file.split(separator: ".").last ?? "") else { continue }
            let limit = file.hasPrefix("Sources/Models/") ? 500 : 400
            let count = house.lines(file).count - 1
            if count > limit { faults.append("\(file): \(count) lines, the limit is \(limit)") }
        }
        #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
    }

    @Test func topLevelIsTidy() {
        let allowed: Set<Substring> = [
            "LICENSE", "Makefile", "Package.resolved", "Package.swift", "README.md", "Sources", "Tests", "pipelines",
            "protos",
        ]
        let found = Set(house.files.compactMap { $0.split(separator: "/").first }.filter { !$0.hasPrefix(".") })
        let extra = found.subtracting(allowed).sorted()
        #expect(extra.isEmpty, "not allowed at the top level: \(extra)")
    }

    @Test func noFileNamedForNothing() {
        let empty = ["Utils", "Util", "Helper", "Helpers", "Manager", "Managers", "Misc", "Common", "Placeholder"]
        let faults = house.files.filter { file in
            guard let name = file.split(separator: "/").last?.split(separator: ".").first else { return false }
            return empty.contains { name == $0 || (name.hasSuffix($0) && $0 != "Common") }
        }
        #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
    }

    /// The README says which test covers a checkpoint.
    @Test func testsThatAreNamedAreThere() throws {
        let readme = try #require(house.text("README.md"))
        let files = Set(house.files(in: "Tests", "swift").compactMap { $0.split(separator: "/").last })
        for name in Set(readme.matches(of: /`(\w+Tests)`/).map(\.1)) {
            #expect(files.contains("\(name).swift"), "README.md names \(name)")
        }
    }

    /// The words are put together here so that this file does not find itself.
    @Test func noPathsOfOneMachineAndNoNotesToSelf() {
        let machines = ["/" + "tmp/", "/" + "work/", "/" + "root/", "/" + "home/", "/" + "Users/"]
        let notes = ["TO" + "DO", "FIX" + "ME", "X" + "XX"]
        var faults: [String] = []
        for file in house.files where !file.contains("/Fixtures/") && !file.contains("/Generated/") {
            for (number, line) in house.lines(file).enumerated() {
                for word in machines where line.contains(word) {
                    faults.append("\(file):\(number + 1): a path of one machine, \(word)")
                }
                for word in notes where Self.hasWord(word, line) {
                    faults.append("\(file):\(number + 1): a note to self, \(word)")
                }
            }
        }
        #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
    }

    @Test func everyExpertHasOneWord() throws {
        for word in Room.experts {
            let folder = "lorgnette-" + word
            let type = (word == "ocr" ? "OCR" : word.prefix(1).uppercased() + word.dropFirst()) + "Expert"
            let file = "Sources/\(folder)/\(type).swift"
            let text = try #require(house.text(file), "\(file) is missing")
            #expect(text.contains("service: \"\(word)\""), "\(file) does not describe itself as service: \"\(word)\"")
        }
    }

    @Test func everyPipelineNamesItselfAndIsInTheReadme() throws {
        let readme = try #require(house.text("README.md"))
        let pipelines = house.files(in: "pipelines", "yaml")
        #expect(!pipelines.isEmpty)
        for file in pipelines {
            let name = file.split(separator: "/")[1].dropLast(".yaml".count)
            #expect(readme.contains("\(name).yaml"), "README.md does not mention \(file)")
            let text = try #require(house.text(file))
            #expect(text.contains("pipeline: \(name)\n"), "\(file) does not begin with pipeline: \(name)")
            for expert in text.matches(of: /expert:\s*([\w-]+)/) {
                let inPython = house.files.contains("Sources/python/lorgnette/experts/\(expert.1).py")
                #expect(
                    inPython || Room.experts.contains(String(expert.1)),
                    "\(file): there is no Sources/lorgnette-\(expert.1)")
            }
        }
    }

    private static func hasWord(_ word: String, _ line: Substring) -> Bool {
        line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.contains { $0 == word }
    }
}
