import Foundation
import Testing

/// `lorgnette experts new`, and what it writes: builds, passes its own tests, and answers in a pipeline.
@Suite struct ExpertsNewTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private func new(_ name: String, _ language: String, _ more: [String] = []) throws -> Workbench.Ended {
        try bench.run(["experts", "new", name, "--language", language, "--in", bench.path] + more)
    }

    /// Runs a pipeline with this stage on one picture of 16 samples.
    private func answer(_ stage: String) throws -> String? {
        try bench.picture("a.pgm", seed: 1)
        let ended = try bench.lorgnette(try bench.pipeline("pipeline: t\nstages:\n  \(stage)\nanswer: weigh\n"))
        #expect(ended.status == 0, "\(ended.errors)")
        return try bench.results()["a.pgm"]?.answerText
    }

    private func passesTheCheck(_ command: [String]) throws {
        let ended = try bench.run(["experts", "check"] + command)
        #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
    }

    @Test func anExpertInPythonPassesItsTestsAndAnswers() throws {
        let made = try new("weigh", "python")
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.output.contains("weigh: {expert: weigh}"), "\(made.output)")
        let python = "\(Workbench.python)/bin/python"
        let tested = try bench.run(
            ["-m", "unittest", "discover", "-s", "\(bench.path)/weigh"], program: python,
            environment: ["PYTHONDONTWRITEBYTECODE": "1"])
        #expect(tested.status == 0 && tested.errors.contains("Ran 2 tests"), "\(tested.errors)")
        #expect(
            try answer("weigh: {command: [\(python), \(bench.path)/weigh/lorgnette_weigh.py]}")
                == "4 × 4 pixels")
        try passesTheCheck([python, "\(bench.path)/weigh/lorgnette_weigh.py"])
    }

    /// SwiftPM builds the kit and what it stands on anew, so the folder stays in .build and the next run is quick.
    @Test func anExpertInSwiftPassesItsTestsAndAnswers() throws {
        let place = "\(Workbench.package)/.build/experts-new"
        try? FileManager.default.removeItem(atPath: "\(place)/weigh")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let made = try bench.run(["experts", "new", "weigh", "--language", "swift", "--in", place])
        #expect(made.status == 0, "\(made.errors)")
        let common = ["--package-path", "\(place)/weigh", "--scratch-path", "\(place)/build"]
        // The tests' own setting is for this package, not for a stranger's.
        let tested = try bench.run(
            ["swift", "test", "--disable-xctest"] + common, program: "/usr/bin/env", environment: ["CI": ""])
        #expect(tested.status == 0, "\(tested.output.suffix(3000))\(tested.errors.suffix(3000))")
        #expect((tested.output + tested.errors).contains("2 tests"), "\(tested.output.suffix(1000))")
        #expect(
            try answer("weigh: {command: [\(place)/build/debug/lorgnette-weigh]}") == "4 × 4 pixels")
        try passesTheCheck(["\(place)/build/debug/lorgnette-weigh"])
    }

    @Test func whatCannotBeMadeIsSaid() throws {
        for name in ["Weigh", "1st", "a-b", "a/b", "", "ocr", "models", String(repeating: "a", count: 41)] {
            let ended = try new(name, "python")
            #expect(ended.status != 0 && ended.errors.contains("NAME"), "\(name): \(ended.errors)")
        }
        try bench.write("weigh/mine.txt", "mine".utf8)
        let there = try new("weigh", "python")
        #expect(there.status == 2 && there.errors.contains("is there already"), "\(there.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(bench.path)/weigh") == ["mine.txt"])
        let nowhere = try new("other", "swift", ["--lorgnette", bench.path])
        #expect(nowhere.status == 2 && nowhere.errors.contains("--lorgnette"), "\(nowhere.errors)")
        #expect(!FileManager.default.fileExists(atPath: "\(bench.path)/other"))
    }
}
