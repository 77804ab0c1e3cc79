import Coordination
import Foundation
import Pipelines
import Testing
import Wire

/// text, extra (when text has words), needy (needs extra), last (reads text and extra).
@Suite struct StageKeysTests {
    private static let sha256 = [UInt8](repeating: 7, count: 32)

    private func keys(when condition: String? = "text.words > 1", text option: String = "eng") throws -> StageKeys {
        func ingredients(
            _ options: [String: OptionValue], _ inputs: [Int] = [], required: [[Int]] = [], condition: Condition? = nil
        ) -> StageKeys.Ingredients {
            StageKeys.Ingredients(
                expert: "rehearsal", software: "1", models: [], options: options, question: nil, sharesQuestion: false, seed: 1,
                inputs: inputs.isEmpty ? [] : [("context", inputs)], requiredPorts: required, condition: condition)
        }
        return StageKeys([
            ("text", ingredients(["language": .string(option)])),
            ("extra", ingredients([:], condition: try condition.map { try Condition($0) })),
            ("needy", ingredients([:], [1], required: [[1]])),
            ("last", ingredients([:], [0, 1])),
        ])
    }

    private func outcome(_ text: String) throws -> Data { try Lorgnette_V1_Outcome.with { $0.text = text }.serializedData() }

    /// Keys of all stages where every one of them has a result, or where the conditional one and what needs it have none.
    private func all(_ keys: StageKeys, without isWithout: Bool = false) -> [[UInt8]] {
        let text = keys.key(of: 0, for: Self.sha256, inputs: [])
        let extra = keys.key(of: 1, for: Self.sha256, inputs: [])
        return [
            text, extra, keys.key(of: 2, for: Self.sha256, inputs: [extra]),
            keys.key(of: 3, for: Self.sha256, inputs: [text, isWithout ? nil : extra]),
        ]
    }

    @Test func aResultMadeWithoutAnInputIsAnotherResult() throws {
        let keys = try keys()
        #expect(all(keys)[3] != all(keys, without: true)[3])
        #expect(all(keys)[0] == all(try self.keys(when: nil))[0])
        #expect(keys.key(of: 0, for: [UInt8](repeating: 8, count: 32), inputs: []) != all(keys)[0])
    }

    @Test func aConditionIsPartOfTheRunAndOfNoStage() throws {
        let (one, other, none) = try (keys(), keys(when: "text.words > 2"), keys(when: nil))
        #expect(all(one) == all(other) && all(one) == all(none))
        #expect(Set([one, other, none].map(\.configuration)).count == 3)
        #expect(one.configuration == (try keys(when: "(text.words>1.0)")).configuration)
        #expect(one.asking("Why?").configuration == one.configuration)
    }

    @Test func whatIsKeptIsFoundWhereTheConditionHolds() throws {
        let keys = try keys()
        let stored = Dictionary(uniqueKeysWithValues: zip(all(keys), try ["two words", "x", "y", "z"].map(outcome)))
        let found = try keys.recall(Self.sha256) { stored[$0] }
        #expect(found.declined.isEmpty)
        #expect((0..<4).map { found.kept[$0]?.key } == all(keys))
    }

    @Test func aStageWhoseConditionIsFalseAndWhatNeedsItAreDeclined() throws {
        let keys = try keys()
        let made = all(keys, without: true)
        let stored = [made[0]: try outcome("one"), made[1]: try outcome("x"), made[3]: try outcome("z")]
        let found = try keys.recall(Self.sha256) { stored[$0] }
        #expect(found.declined == [1, 2])
        #expect(found.kept.keys.sorted() == [0, 3])
        #expect(found.kept[3]?.key == made[3])
    }

    /// The text must be read again: until then nobody knows whether the extra words will be given to the last stage.
    @Test func whatDependsOnAnOpenDecisionIsNotLookedUp() throws {
        let keys = try keys(text: "fra")
        var asked: [[UInt8]] = []
        let stored = [all(keys)[1]: try outcome("x")]
        let found = try keys.recall(Self.sha256) { key in
            asked.append(key)
            return stored[key]
        }
        #expect(asked == Array(all(keys).prefix(2)))
        #expect(found.kept.keys.sorted() == [1] && found.declined.isEmpty)
        // A text that is kept and cannot be read decides nothing either.
        let broken = try keys.recall(Self.sha256) { $0 == all(keys)[0] ? Data([0xFF, 0xFF]) : nil }
        #expect(broken.declined.isEmpty && broken.kept.keys.sorted() == [0])
    }

    @Test func aStageThatWasTakenOutIsMissing() throws {
        #expect(try keys(when: "nobody.words > 1").recall(Self.sha256) { _ in nil }.declined == [1, 2])
        #expect(try keys(when: "not nobody.words > 1").recall(Self.sha256) { _ in nil }.declined.isEmpty)
    }
}
