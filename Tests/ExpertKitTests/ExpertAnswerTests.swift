import Testing
import Wire

@testable import ExpertKit

@Suite struct ExpertAnswerTests {
    @Test func onlyWhatIsSetIsSent() throws {
        let (silent, none) = try ExpertAnswer().packed()
        #expect(!silent.hasText && !silent.hasConfidence && none.isEmpty)
        let (empty, _) = try ExpertAnswer(text: "").packed()
        #expect(empty.hasText && empty.text == "")
    }

    @Test func whatNoReaderWouldTakeIsAFailureHere() {
        for tensor in [
            ExpertAnswer.Tensor("t", shape: [2, 2], [1, 2, 3]), .init("t", shape: [1], [.nan]),
            .init("t", shape: [1], [-.infinity]),
            .init("t", shape: [], []), .init("t", shape: [-1], [1]),
        ] {
            var answer = ExpertAnswer()
            answer.tensors = [tensor]
            let failure = #expect(throws: ExpertFailure.self) { try answer.packed() }
            #expect(failure?.code == .internal && failure?.message.contains("\"t\"") == true)
        }
    }

    @Test func tensorsOfSeveralInputsKeepTheirFrames() throws {
        var features = ExpertAnswer()
        features.tensors = [.init("cls", shape: [2], [1, 2]), .init("patches", shape: [1, 3], [3, 4, 5])]
        let stage = try Rehearsal(SumExpert.self, options: ["name": .string("patches")])
        let picture = PictureSource(place: .bytes(Payload([9])), byteCount: 1)
        let answer = try stage.answer(picture: picture, inputs: [.init(port: "visual", stage: "v", features)])
        #expect(answer.text == "12.0")
        #expect(stage.reported == "summing")
    }

    @Test func rehearsalChecksWhatTheWireWould() throws {
        #expect(throws: ExpertFailure.self) { try Rehearsal(SumExpert.self, options: ["nme": .string("x")]) }
        let stage = try Rehearsal(SumExpert.self)
        #expect(throws: ExpertFailure.self, "a required input is missing") { try stage.answer() }
        var bad = ExpertAnswer()
        bad.tensors = [.init("a", shape: [1], [1]), .init("b", shape: [1], [2])]
        let failure = #expect(throws: ExpertFailure.self, "which of the two?") {
            try stage.answer(inputs: [.init(port: "visual", stage: "v", bad)])
        }
        #expect(failure?.code == .badInput)
    }
}

/// Adds up a tensor.
final class SumExpert: Expert {
    static let description = ExpertDescription(
        service: "sum", software: "sum 1", about: "Adds up a tensor.", inputs: [.picture(required: false), .tensor("visual")],
        outputs: [.text("text")], options: [.string("name", "which tensor")])
    let name: String?
    init(options: ExpertOptions) throws { name = options["name"]?.description }
    func answer(_ task: ExpertTask) throws -> ExpertAnswer {
        task.report(text: "summing")
        return ExpertAnswer(text: "\(try task.tensor("visual", name).floats().reduce(0, +))")
    }
}
