import Coordination

/// The files of a new expert, and what to do with them.
struct ExpertTemplate {
    let files: [(path: String, text: String)]
    /// What to do next, given the folder that the files are in: words, and a command or the line of a pipeline.
    let steps: (_ folder: String) -> [(what: String, command: String)]

    static func python(_ name: String) -> ExpertTemplate {
        let project = """
            [build-system]
            requires = ["setuptools>=64"]
            build-backend = "setuptools.build_meta"

            [project]
            name = "lorgnette-\(name)"
            version = "0.1.0"
            requires-python = ">=3.10"
            dependencies = ["lorgnette"]

            [project.scripts]
            lorgnette-\(name) = "lorgnette_\(name):main"

            [tool.setuptools]
            py-modules = ["lorgnette_\(name)"]

            """
        let module = #"""
            """The expert \#(name). Put your own work into the function: what it returns, other stages read."""
            from typing import Literal

            from lorgnette import Picture, expert


            @expert(name="\#(name)")
            def look(picture: Picture, *, unit: Literal["bytes", "kilobytes"] = "bytes") -> str:
                """Says how large the picture's file is."""
                size = len(picture.read())
                return f"a file of {size // 1024 if unit == 'kilobytes' else size} {unit}"


            main = look.main

            if __name__ == "__main__":
                main()

            """#
        let test = """
            import unittest

            from lorgnette import BadOption, rehearse

            from lorgnette_\(name) import look


            class LookTest(unittest.TestCase):
                def test_says_how_large_the_file_is(self):
                    self.assertEqual(rehearse(look, bytes(4096)).text, "a file of 4096 bytes")
                    self.assertEqual(rehearse(look, bytes(4096), unit="kilobytes").text, "a file of 4 kilobytes")

                def test_checks_its_options(self):
                    with self.assertRaises(BadOption):
                        rehearse(look, bytes(1), unit="miles")

            """
        return ExpertTemplate(
            files: [
                ("pyproject.toml", project), ("lorgnette_\(name).py", module), ("test_lorgnette_\(name).py", test),
            ]
        ) { folder in
            let python = "\(ExpertLocator.pythonFolder)/bin/python"
            return [
                ("Test it:", "cd \(quoted(folder)) && \(quoted(python)) -m unittest"),
                (
                    "Install it; what is changed in the file later counts at once:",
                    "python3 -m pip --python \(quoted(python)) install --no-build-isolation --editable \(quoted(folder))"
                ),
                ("Name it in a pipeline, among the stages:", "\(name): {expert: \(name)}"),
            ]
        }
    }

    static func swift(_ name: String, lorgnette: String) -> ExpertTemplate {
        let type = name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        let manifest = """
            // swift-tools-version: 6.2
            import PackageDescription

            let package = Package(
                name: "lorgnette-\(name)",
                dependencies: [.package(name: "lorgnette", path: \(literal(lorgnette)))],
                targets: [
                    .executableTarget(
                        name: "lorgnette-\(name)", dependencies: [.product(name: "ExpertKit", package: "lorgnette")]),
                    .testTarget(
                        name: "\(type)Tests",
                        dependencies: ["lorgnette-\(name)", .product(name: "ExpertKit", package: "lorgnette")]),
                ],
                swiftLanguageModes: [.v6]
            )

            """
        let expert = """
            import ExpertKit

            /// Says how large the picture's file is. Put your own work into `answer`: what it returns, other stages read.
            final class \(type)Expert: Expert {
                static let description = ExpertDescription(
                    service: "\(name)", software: "lorgnette-\(name) 0.1.0", about: "Says how large the picture's file is.",
                    inputs: [.picture()], outputs: [.text("text")],
                    options: [.string("unit", default: "bytes", choices: ["bytes", "kilobytes"], "what to count in")])

                private let unit: String

                init(options: ExpertOptions) throws {
                    unit = try options.string("unit")
                }

                func answer(_ task: ExpertTask) throws -> ExpertAnswer {
                    let size = try task.pictureBytes().count
                    return ExpertAnswer(text: "a file of \\(unit == "kilobytes" ? size / 1024 : size) \\(unit)")
                }
            }

            """
        let main = """
            import ExpertKit

            @main struct Main {
                static func main() { ExpertMain.run(\(type)Expert.self) }
            }

            """
        let test = """
            import ExpertKit
            import Testing

            @testable import lorgnette_\(name)

            @Suite struct \(type)Tests {
                /// Any file will do: here, this one.
                let file = PictureSource(place: .path(#filePath))

                @Test func saysHowLargeTheFileIs() throws {
                    let size = try file.read().count
                    let stage = try Rehearsal(\(type)Expert.self)
                    #expect(try stage.answer(picture: file).text == "a file of \\(size) bytes")
                }

                @Test func checksItsOptions() {
                    #expect(throws: ExpertFailure.self) {
                        try Rehearsal(\(type)Expert.self, options: ["unit": .string("miles")])
                    }
                }
            }

            """
        let sources = "Sources/lorgnette-\(name)"
        return ExpertTemplate(
            files: [
                ("Package.swift", manifest), ("\(sources)/\(type)Expert.swift", expert),
                ("\(sources)/Main.swift", main),
                ("Tests/\(type)Tests/\(type)Tests.swift", test),
            ]
        ) { folder in
            [
                ("Test it:", "swift test --disable-xctest --package-path \(quoted(folder))"),
                ("Build it:", "swift build --package-path \(quoted(folder))"),
                (
                    "Name it in a pipeline, among the stages:",
                    "\(name): {command: [\(literal("\(folder)/.build/debug/lorgnette-\(name)"))]}"
                ),
            ]
        }
    }

    /// For a shell.
    private static func quoted(_ path: String) -> String {
        let isPlain = path.utf8.allSatisfy {
            (97...122).contains($0) || (65...90).contains($0) || (47...57).contains($0)
                || [0x2D, 0x2E, 0x5F].contains($0)
        }
        return isPlain ? path : "'\(path.replacing("'", with: "'\\''"))'"
    }

    /// For Swift and for YAML.
    private static func literal(_ path: String) -> String {
        "\"\(path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
}
