import Foundation
import Pipelines
import Testing

/// Every file in `pipelines/` is right, and right for the built-in experts.
@Suite struct PipelineFilesTests {
    static let folder = URL(filePath: #filePath).appending(path: "../../../pipelines").standardized

    static let files: [String] = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()

    @Test func fourAreThere() {
        #expect(Set(Self.files).isSuperset(of: ["caption.yaml", "describe.yaml", "read.yaml", "tags.yaml"]))
    }

    @Test(arguments: files)
    func isRight(file: String) throws {
        let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
        let pipeline = try Pipeline.read(text, file: file)
        #expect(file == pipeline.name + ".yaml")
        #expect(!pipeline.about.isEmpty)
        let bound = try pipeline.bound(to: BuiltInExperts.descriptions(for: pipeline))
        #expect(bound.answer != nil)
        #expect(bound.stagesWithoutQuestion.isEmpty)
    }
}
