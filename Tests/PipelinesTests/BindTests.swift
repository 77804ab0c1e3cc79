import Pipelines
import Testing

@Suite struct BindTests {
    @Test func splitsInputsFromOptions() throws {
        let pipeline = try bound(describe)
        #expect(pipeline.stages.map(\.name) == ["visual", "caption", "text", "answer"])
        #expect(pipeline.stages.map(\.dependencies) == [[], [0], [], [0, 1, 2]])
        #expect(pipeline.answer == 3)
        let answer = pipeline.stages[3]
        #expect(
            answer.inputs == [
                Input(port: "visual", kind: .tensor, stages: ["visual"]),
                Input(port: "context", kind: .text, stages: ["caption", "text"]),
            ])
        #expect(answer.options == ["max_tokens": .number(96), "budget": .map(["text": .number(256)])])
        #expect(answer.question == "Describe this picture.")
        #expect(answer.needsQuestion && !answer.takesPicture)
        #expect(pipeline.stages[0].takesPicture && pipeline.stages[0].question == nil)
        #expect(pipeline.stages[2].options == ["languages": .list([.string("eng")])])
        #expect(pipeline.pipeline.stages.map(\.name) == ["visual", "caption", "text", "answer"])
        #expect(pipeline.stagesWithoutQuestion.isEmpty)
    }

    @Test func ordersStagesWhateverTheFileSays() throws {
        let pipeline = try bound(
            """
            pipeline: p
            stages:
              answer: {expert: generator, visual: visual, context: [caption]}
              caption: {expert: captioner, visual: visual}
              lone: {expert: clock}
              visual: {expert: encoder}
            answer: answer
            """)
        #expect(pipeline.stages.map(\.name) == ["lone", "visual", "caption", "answer"])
        #expect(pipeline.stages.map(\.dependencies) == [[], [], [1], [1, 2]])
        #expect(pipeline.answer == 3)
        #expect(pipeline.pipeline.stages.map(\.name) == ["answer", "caption", "lone", "visual"])
        #expect(pipeline.stagesWithoutQuestion == ["answer"])
    }

    @Test func bindingTwiceIsBindingOnce() throws {
        let once = try bound(describe)
        let again = try once.pipeline.bound(to: BuiltInExperts.descriptions(for: once.pipeline))
        #expect(again == once)
    }

    @Test func aStageMayAskItsOwnQuestion() throws {
        let yaml =
            "pipeline: p\nask: All?\nstages:\n  a: {expert: generator, question: Mine?}\n  b: {expert: generator}\n"
        #expect(try bound(yaml).stages.map(\.question) == ["Mine?", "All?"])
    }

    @Test(arguments: [
        ("expert: ocr, languges: [eng]", "p.yaml:3:20: stages.a.languges: unknown key; did you mean \"languages\"?"),
        ("expert: ocr, deadlin: 5s", "p.yaml:3:20: stages.a.deadlin: unknown key; did you mean \"deadline\"?"),
        (
            "expert: ocr, colour: red",
            "p.yaml:3:20: stages.a.colour: unknown key; ocr knows languages, layout, min_confidence"
        ),
        ("expert: clock, colour: red", "p.yaml:3:22: stages.a.colour: unknown key; clock has no keys of its own"),
        ("expert: nobody", "p.yaml:3:3: stages.a: nothing is known of its expert, nobody"),
        (
            "expert: ocr, picture: x",
            "p.yaml:3:20: stages.a.picture: every task carries the picture; leave this key out"
        ),
        (
            "expert: ocr, layout: pag",
            "p.yaml:3:28: stages.a.layout: expected one of auto, page, block, sparse, found \"pag\"; did you mean \"page\"?"
        ),
        (
            "expert: ocr, layout: [page]",
            "p.yaml:3:28: stages.a.layout: expected one of auto, page, block, sparse, found a list"
        ),
        ("expert: ocr, languages: [eng, [x]]", "p.yaml:3:37: stages.a.languages: expected text, found a list"),
        ("expert: ocr, languages: ~", "p.yaml:3:31: stages.a.languages: expected text, found nothing"),
        (
            "expert: ocr, min_confidence: 1.5",
            "p.yaml:3:36: stages.a.min_confidence: expected a number from 0 to 1, found \"1.5\""
        ),
        (
            "expert: ocr, min_confidence: .nan",
            "p.yaml:3:36: stages.a.min_confidence: expected a number from 0 to 1, found \".nan\""
        ),
        (
            "expert: ocr, min_confidence: '0.5'",
            "p.yaml:3:36: stages.a.min_confidence: expected a number from 0 to 1, found \"0.5\""
        ),
        (
            "expert: generator, temperature: -1",
            "p.yaml:3:39: stages.a.temperature: expected a number of at least 0, found \"-1\""
        ),
        (
            "expert: generator, temperature: 1e999",
            "p.yaml:3:39: stages.a.temperature: expected a number of at least 0, found \"1e999\""
        ),
        (
            "expert: generator, max_tokens: 0",
            "p.yaml:3:38: stages.a.max_tokens: expected a whole number from 1 to 4096, found \"0\""
        ),
        (
            "expert: generator, max_tokens: 9.5",
            "p.yaml:3:38: stages.a.max_tokens: expected a whole number from 1 to 4096, found \"9.5\""
        ),
        (
            "expert: generator, max_tokens: 99999999999999999999",
            "p.yaml:3:38: stages.a.max_tokens: expected a whole number from 1 to 4096, found \"99999999999999999999\""
        ),
        ("expert: generator, stream: on", "p.yaml:3:34: stages.a.stream: expected true or false, found \"on\""),
        (
            "expert: generator, budget: 256",
            "p.yaml:3:34: stages.a.budget: expected a map of names to whole numbers, found \"256\""
        ),
        (
            "expert: generator, budget: {b: many}",
            "p.yaml:3:38: stages.a.budget.b: expected a whole number of at least 0, found \"many\""
        ),
        (
            "expert: generator, budget: {b: 1}",
            "p.yaml:3:35: stages.a.budget: expected a stage whose text a takes, found \"b\""
        ),
        ("expert: generator, question: [x]", "p.yaml:3:36: stages.a.question: expected text, found a list"),
        ("expert: generator, context: b", "p.yaml:3:35: stages.a.context: expected the name of a stage, found \"b\""),
        (
            "expert: generator, context: [{}]",
            "p.yaml:3:36: stages.a.context: expected the name of a stage, found a map"
        ),
        ("expert: captioner", "p.yaml:3:3: stages.a.visual: expected a stage that gives a tensor, found nothing"),
        (
            "expert: captioner, visual: []",
            "p.yaml:3:34: stages.a.visual: expected a stage that gives a tensor, found nothing"
        ),
        ("expert: editor, from: a", "p.yaml:3:29: stages.a.from: a stage cannot wait for itself"),
    ])
    func tellsFaultsOfAStage(keys: String, expected: String) {
        #expect(faults(of: stage(keys)) == expected)
    }

    @Test func tellsFaultsBetweenStages() {
        let yaml = """
            pipeline: p
            ask: What?
            stages:
              visual: {expert: encoder}
              text: {expert: ocr}
              caption: {expert: captioner, visual: text}
              answer:
                expert: generator
                visual: [visual, visual]
                context: [txt, caption, caption, visual]
                budget: {captoin: 3}
              two: {expert: generator, visual: [visual, other]}
              other: {expert: encoder}
            answer: visual
            """
        #expect(
            faults(of: yaml) == """
                p.yaml:6:40: stages.caption.visual: expected a stage that gives a tensor, found "text", which gives text
                p.yaml:9:22: stages.answer.visual: "visual" is given twice
                p.yaml:10:15: stages.answer.context: expected the name of a stage, found "txt"; did you mean "text"?
                p.yaml:10:29: stages.answer.context: "caption" is given twice
                p.yaml:10:38: stages.answer.context: expected a stage that gives text, found "visual", which gives a tensor
                p.yaml:11:14: stages.answer.budget: expected a stage whose text answer takes, found "captoin"; did you mean "caption"?
                p.yaml:12:36: stages.two.visual: expected one stage, found 2
                p.yaml:14:9: answer: expected a stage that gives text, found "visual", which gives a tensor
                """)
    }

    @Test func namesEveryCycle() {
        let yaml = """
            pipeline: p
            stages:
              after: {expert: editor, from: [c]}
              c: {expert: editor, from: b}
              b: {expert: editor, from: [text, a]}
              a: {expert: editor, from: c}
              text: {expert: ocr}
              x: {expert: editor, from: y}
              y: {expert: editor, from: [x, y]}
            """
        #expect(
            faults(of: yaml) == """
                p.yaml:4:29: stages.c.from: a cycle: c waits for b waits for a waits for c
                p.yaml:8:29: stages.x.from: a cycle: x waits for y waits for x
                """)
    }

    @Test func setsKeysFromTheCommandLine() throws {
        let pipeline = try bound(
            describe,
            set: [
                "answer.max_tokens=12", "text.languages=[eng, chi_sim]", "text.optional=false", "text.deadline=1m",
                "ask=What: is it?",
                "answer.system=Be brief: #1", "answer.temperature=0.5", "caption.workers=3", "answer.adapter=",
                "answer.budget={text: 9}",
            ])
        #expect(pipeline.stages[3].options["max_tokens"] == .number(12))
        #expect(pipeline.stages[3].options["system"] == .string("Be brief: #1"))
        #expect(pipeline.stages[3].options["adapter"] == .string(""))
        #expect(pipeline.stages[3].options["budget"] == .map(["text": .number(9)]))
        #expect(pipeline.stages[2].options["languages"] == .list([.string("eng"), .string("chi_sim")]))
        #expect(pipeline.stages[2].stage.deadline == .seconds(60))
        #expect(!pipeline.stages[2].stage.optional)
        #expect(pipeline.stages[1].stage.workers == 3)
        #expect(pipeline.stages[3].question == "What: is it?")
    }

    @Test func settingAWayToAnExpertReplacesTheOther() throws {
        let pipeline = try Pipeline.read(describe, file: "p.yaml").setting(["text.command=[python3, ocr.py]"])
        #expect(pipeline.stages[2].expert == .command(["python3", "ocr.py"]))
        #expect(pipeline.stages[2].settings.map(\.key) == ["languages"])
    }

    @Test func tellsFaultsOfSettings() {
        #expect(
            faults(
                of: describe,
                set: ["text", "txt.deadline=1s", "answer=x", "text.deadline=soon", "text.languages=[a", "text.=1"])
                    == """
                    --set: expected stage.key=value, found "text"
                    --set: expected the name of a stage before the dot, found "txt"; did you mean "text"?
                    --set: expected stage.key=value or ask=text, found "answer=x"
                    --set: stages.text.deadline: expected a time such as 20s, 1m30s or 500ms, found "soon"
                    --set: stages.text.languages: not YAML: did not find expected ',' or ']' (while parsing a flow sequence, line 1)
                    --set: expected stage.key=value or ask=text, found "text.=1"
                    """)
        #expect(
            faults(of: describe, set: ["answer.max_tokens=lots"])
                == "--set: stages.answer.max_tokens: expected a whole number from 1 to 4096, found \"lots\"")
        #expect(
            faults(of: describe, set: ["answer.max_token=1"])
                == "--set: stages.answer.max_token: unknown key; did you mean \"max_tokens\"?")
    }

    @Test func takesStagesOut() throws {
        let pipeline = try bound(describe, without: ["text"])
        #expect(pipeline.stages.map(\.name) == ["visual", "caption", "answer"])
        #expect(pipeline.stages[2].inputs[1].stages == ["caption"])
        #expect(pipeline.stages[2].options["budget"] == .map([:]))
        let bare = try bound(describe, without: ["text", "caption", "visual"])
        #expect(bare.stages.map(\.name) == ["answer"])
        #expect(bare.stages[0].inputs.isEmpty)
    }

    @Test func cannotTakeOutWhatIsNeeded() {
        #expect(
            faults(of: describe, without: ["visual"])
                == "p.yaml:6:40: stages.caption.visual: expected a stage that gives a tensor, found only \"visual\", which was taken out"
        )
        #expect(
            faults(of: describe, without: ["answer", "txt"]) == """
                --without: "answer" is the stage that answers; it cannot be taken out
                --without: expected the name of a stage, found "txt"; did you mean "text"?
                """)
        #expect(faults(of: stage("expert: ocr"), without: ["a"]) == "--without: no stage would be left")
    }

    private static let conditional = """
        pipeline: p
        ask: What?
        stages:
          caption: {expert: captioner, visual: visual, when: text.coverage < 0.5 or text.text empty}
          visual:  {expert: encoder}
          text:    {expert: ocr}
          answer:  {expert: generator, context: [caption, text]}
        answer: answer
        """

    @Test func aStageWaitsForWhatItsConditionNames() throws {
        let pipeline = try bound(Self.conditional)
        #expect(pipeline.stages.map(\.name) == ["visual", "text", "caption", "answer"])
        #expect(pipeline.stages[2].dependencies == [0, 1])
        #expect(pipeline.stages[2].inputs == [Input(port: "visual", kind: .tensor, stages: ["visual"])])
        #expect(pipeline.stages[2].stage.when?.description == "text.coverage < 0.5 or text.text empty")
        #expect(pipeline.stages[2].options.isEmpty)
        #expect(pipeline.warnings.isEmpty)
        let set = try bound(describe, set: ["caption.when=text.words == 0"])
        #expect(set.stages.map(\.name) == ["visual", "text", "caption", "answer"])
        // A stage that was taken out is missing, so that each test of it is false.
        #expect(try bound(Self.conditional, without: ["text"]).stages.map(\.name) == ["visual", "caption", "answer"])
    }

    @Test(arguments: [
        (
            "when: txt.words > 0",
            "p.yaml:4:29: stages.a.when: expected the name of a stage, found \"txt\"; did you mean \"text\"?"
        ),
        (
            "when: text.words > 0 and nobody.words > 0",
            "p.yaml:4:48: stages.a.when: expected the name of a stage, found \"nobody\"; stages: text, visual"
        ),
        ("when: text.words > few", "p.yaml:4:42: stages.a.when: expected a number of at least 0, found \"few\""),
        ("when: 'text.wrods > 0'", "p.yaml:4:35: stages.a.when: expected a field, found \"wrods\"; did you mean \"words\"?"),
        (
            "when: visual.words > 0",
            "p.yaml:4:29: stages.a.when: expected a stage that gives text, found \"visual\", which gives a tensor"
        ),
        ("when: a.words > 0", "p.yaml:4:29: stages.a.when: a stage cannot wait for itself"),
        ("when: [text.words]", "p.yaml:4:29: stages.a.when: expected a condition such as text.words > 0, found a list"),
        ("when: ~", "p.yaml:4:29: stages.a.when: expected a condition such as text.words > 0, found nothing"),
        ("wen: text.words > 0", "p.yaml:4:23: stages.a.wen: unknown key; did you mean \"when\"?"),
        ("when: visual.status == ok", ""), ("when: visual.facts.dtype == f16", ""),
    ])
    func tellsFaultsOfConditions(keys: String, expected: String) {
        let yaml =
            "pipeline: p\nask: What?\nstages:\n  a: {expert: editor, \(keys), from: text}\n  text: {expert: ocr}\n  visual: {expert: encoder}\n"
        #expect(faults(of: yaml) == expected)
    }

    @Test func aCycleOfConditionsIsAFault() {
        let yaml = """
            pipeline: p
            stages:
              a: {expert: ocr, when: b.words > 0}
              b: {expert: editor, from: c}
              c: {expert: ocr, when: "a.status == failed"}
            """
        #expect(faults(of: yaml) == "p.yaml:3:26: stages.a.when: a cycle: a waits for b waits for c waits for a")
    }

    @Test func warnsOfStagesThatAreNotRunWithAnother() throws {
        let pipeline = try bound(
            """
            pipeline: p
            stages:
              text: {expert: ocr}
              visual: {expert: encoder, when: text.words == 0}
              caption: {expert: captioner, visual: visual}
              other: {expert: editor, from: [caption, text]}
              last: {expert: editor, from: [caption]}
            answer: last
            """)
        #expect(
            pipeline.warnings.map(\.description) == [
                "p.yaml:5:32: stages.caption.visual: where \"visual\" is not run, caption is not run either",
                "p.yaml:7:26: stages.last.from: where \"caption\" is not run, last is not run either",
                "p.yaml:8:9: answer: where last is not run, there is no answer",
            ])
    }

    @Test func keepsOnlyWhatIsNamedAndWhatItNeeds() throws {
        let caption = try bound(describe, only: ["caption"])
        #expect(caption.stages.map(\.name) == ["visual", "caption", "answer"])
        #expect(caption.stages[2].inputs == [Input(port: "context", kind: .text, stages: ["caption"])])
        #expect(caption.stages[2].dependencies == [1])
        let text = try bound(describe, only: ["text"])
        #expect(text.stages.map(\.name) == ["text", "answer"])
        #expect(text.stages[1].options["budget"] == .map(["text": .number(256)]))
        #expect(try bound(describe, only: []).stages.map(\.name) == ["answer"])
        #expect(
            try bound(describe, only: ["visual", "caption", "text"]).stages.map(\.dependencies) == [[], [0], [], [0, 1, 2]])
        // What a kept stage's condition names is needed, too.
        #expect(try bound(Self.conditional, only: ["caption"]).stages.map(\.name) == ["visual", "text", "caption", "answer"])
    }

    @Test func tellsFaultsOfOnly() {
        #expect(
            faults(of: describe, only: ["txt", "answer"]) == """
                --only: expected a stage that feeds answer, found "txt"; did you mean "text"?
                --only: expected a stage that feeds answer, found "answer"; stages: visual, caption, text
                """)
        #expect(
            faults(of: stage("expert: ocr"), only: ["a"]) == "--only: the pipeline has no answer: that says which stage answers")
        let needy = "pipeline: p\nstages:\n  a: {expert: ocr}\n  b: {expert: editor, from: a}\nanswer: b\n"
        #expect(
            faults(of: needy, only: [])
                == "p.yaml:4:29: stages.b.from: expected a stage that gives text, found only \"a\", which was taken out")
    }
}
