import Testing

@testable import Pipelines

@Suite struct ComparisonTests {
    private func bound(_ comparison: Comparison) throws -> BoundPipeline {
        try comparison.pipeline.bound(to: BuiltInExperts.descriptions(for: comparison.pipeline))
    }

    @Test func eachSubsetOfTheExpertsAnswersOnce() throws {
        let comparison = try Comparison(Pipeline.read(describe, file: "p.yaml"))
        #expect(
            comparison.rows.map(\.experts) == [
                [], ["visual"], ["caption"], ["text"], ["visual", "caption"], ["visual", "text"], ["caption", "text"],
                ["visual", "caption", "text"],
            ])
        let pipeline = try bound(comparison)
        #expect(pipeline.stages.count == 3 + 8)
        #expect(comparison.pipeline.staffed.map(\.name) == ["visual", "caption", "text", "answer"])
        #expect(pipeline.answer == nil)
        for row in comparison.rows {
            let stage = try #require(pipeline.stages.first { $0.name == row.stage })
            let heard = Set(stage.inputs.flatMap(\.stages))
            #expect(heard == Set(row.experts))
            #expect(stage.dependencies.map { pipeline.stages[$0].name } == row.experts)
            #expect(stage.staff == "answer" && stage.description.service == "generator")
            #expect(stage.question == "Describe this picture." && stage.sharesQuestion)
            #expect(stage.options["max_tokens"] == .number(96))
            #expect(stage.stage.optional)
        }
    }

    @Test func anAnswerThatLacksWhatItsExpertNeedsIsLeftOut() throws {
        let yaml = """
            pipeline: p
            stages:
              a: {expert: ocr}
              b: {expert: ocr}
              side: {expert: ocr}
              last: {expert: editor, from: [a, b]}
            answer: last
            """
        let comparison = try Comparison(Pipeline.read(yaml, file: "p.yaml"))
        #expect(comparison.rows.map(\.stage) == ["last+", "last+a", "last+b", "last"])
        #expect(try bound(comparison).stages.map(\.name) == ["a", "b", "last+a", "last+b", "last"])
    }

    @Test func thereMustBeSomethingToCompare() {
        let fault = #expect(throws: Faults.self) { try Comparison(Pipeline.read(stage("expert: ocr"), file: "p.yaml")) }
        #expect(fault?.description == "p.yaml: answer: expected a stage that answers, found nothing")
        let lone = #expect(throws: Faults.self) {
            try Comparison(Pipeline.read(stage("expert: ocr") + "answer: a\n", file: "p.yaml"))
        }
        #expect(lone?.description == "p.yaml: stages.a: no stage feeds it: there is nothing to compare")
    }

    @Test(arguments: [(1, 2), (4, 16), (5, 17), (10, 57), (11, 13), (40, 42)])
    func theNumberOfAnswersIsBounded(experts: Int, answers: Int) {
        let subsets = Comparison.subsets(of: (0..<experts).map { "e\($0)" })
        #expect(subsets.count == answers)
        #expect(Set(subsets).count == answers)
        #expect(subsets.first == [] && subsets.last?.count == experts)
    }
}
