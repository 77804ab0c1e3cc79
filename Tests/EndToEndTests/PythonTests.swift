import Foundation
import Testing

/// The tests of the Python package, and of experts in Python, with the environment that `make setup` makes.
@Suite struct PythonTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    @Test func thePackagePassesItsOwnTests() throws {
        let ended = try bench.run(
            ["-m", "unittest", "discover", "-s", "\(Workbench.package)/Tests/PythonTests"],
            program: "\(Workbench.python)/bin/python",
            environment: ["PYTHONPATH": "\(Workbench.package)/Sources/python"])
        #expect(ended.status == 0, "\(ended.errors.suffix(4000))")
        let count = ended.errors.firstMatch(of: /Ran (\d+) tests/).flatMap { Int($0.1) } ?? 0
        #expect(count >= 35, "\(ended.errors.suffix(400))")
    }

    @Test func theDetectorFindsTheFaceOfAPhotograph() throws {
        let picture = "\(Workbench.data)/demo/astronaut.png"
        let stages = "seen: {expert: detector, find: [faces]}\n  last: {expert: rehearsal, context: [seen]}"
        let pipeline = try bench.pipeline("pipeline: t\nstages:\n  \(stages)\nanswer: last\n")
        let ended = try bench.run(["run", pipeline, picture, "--out", bench.out])
        #expect(ended.status == 0, "\(ended.errors)")
        let result = try #require(try bench.results().values.first)
        #expect(result.stage("seen")?["text"] as? String == "1 face")
        let line = try #require((result.stage("seen")?["lines"] as? [[String: Any]])?.first)
        let box = try #require(line["box"] as? [Int])
        #expect(box[0] > 150 && box[0] + box[2] < 300 && box[1] > 40 && box[1] + box[3] < 190, "\(box)")
        #expect((result["picture"] as? [String: Any])?["width"] as? Int == 512)
    }
}
