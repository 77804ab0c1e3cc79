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
            dependencies = ["lorgnette[detector]"]

            [project.scripts]
            lorgnette-\(name) = "lorgnette_\(name):main"

            [tool.setuptools]
            py-modules = ["lorgnette_\(name)"]

            """
        let module = #"""
            """The expert \#(name). Put your own work into the function: what it returns, other stages read."""
            import cv2
            import numpy as np

            from lorgnette import BadPicture, Picture, expert


            @expert(name="\#(name)")
            def look(picture: Picture, *, unit: str = "pixels") -> str:
                """Says how large the picture is."""
                pixels = cv2.imdecode(np.frombuffer(picture.read(), np.uint8), cv2.IMREAD_COLOR)
                if pixels is None:
                    raise BadPicture(f"{picture.name}: it cannot be decoded")
                return f"{pixels.shape[1]} × {pixels.shape[0]} {unit}"


            main = look.main

            if __name__ == "__main__":
                main()

            """#
        let test = """
            import unittest

            from lorgnette import BadPicture, rehearse

            from lorgnette_\(name) import look

            #: Two grey samples, as PNM has them.
            PICTURE = b"P5 2 1 255\\n\\x40\\x80"


            class LookTest(unittest.TestCase):
                def test_says_how_large_the_picture_is(self):
                    self.assertEqual(rehearse(look, PICTURE).text, "2 × 1 pixels")
                    self.assertEqual(rehearse(look, PICTURE, unit="dots").text, "2 × 1 dots")

                def test_refuses_what_is_no_picture(self):
                    with self.assertRaises(BadPicture):
                        rehearse(look, b"no picture")

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
                        name: "lorgnette-\(name)",
                        dependencies: [
                            .product(name: "ExpertKit", package: "lorgnette"), .product(name: "Pictures", package: "lorgnette"),
                        ]),
                    .testTarget(
                        name: "\(type)Tests",
                        dependencies: ["lorgnette-\(name)", .product(name: "ExpertKit", package: "lorgnette")]),
                ],
                swiftLanguageModes: [.v6]
            )

            """
        let expert = """
            import ExpertKit
            import Pictures

            /// Says how large the picture is. Put your own work into `answer`: what it returns, other stages read.
            final class \(type)Expert: Expert {
                static let description = ExpertDescription(
                    service: "\(name)", software: "lorgnette-\(name) 0.1.0", about: "Says how large the picture is.",
                    inputs: [.picture()], outputs: [.text("text")],
                    options: [.string("unit", default: "pixels", "what to call a pixel")])

                private let unit: String

                init(options: ExpertOptions) throws {
                    unit = try options.string("unit")
                }

                func answer(_ task: ExpertTask) throws -> ExpertAnswer {
                    do {
                        let picture = try Picture.load(bytes: task.pictureBytes(), name: task.item)
                        return ExpertAnswer(text: "\\(picture.width) × \\(picture.height) \\(unit)")
                    } catch let error as PictureError {
                        throw ExpertFailure.badPicture(error.description)
                    }
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
            import Foundation
            import Testing

            @testable import lorgnette_\(name)

            @Suite struct \(type)Tests {
                @Test func saysHowLargeThePictureIs() throws {
                    // Two grey samples, as PNM has them.
                    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\\(UUID()).pgm")
                    try Data("P5 2 1 255\\n@@".utf8).write(to: file)
                    defer { try? FileManager.default.removeItem(at: file) }
                    let stage = try Rehearsal(\(type)Expert.self, options: ["unit": .string("dots")])
                    #expect(try stage.answer(picture: PictureSource(place: .path(file.path))).text == "2 × 1 dots")
                }

                @Test func refusesWhatIsNoPicture() throws {
                    let stage = try Rehearsal(\(type)Expert.self)
                    #expect(throws: ExpertFailure.self) {
                        try stage.answer(picture: PictureSource(place: .path(#filePath)))
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
