import Testing

@testable import Pipelines

@Suite struct ReadTests {
    @Test func readsTheDesignsFile() throws {
        let pipeline = try Pipeline.read(describe, file: "describe.yaml")
        #expect(pipeline.name == "describe")
        #expect(pipeline.ask == "Describe this picture.")
        #expect(pipeline.answer == "answer")
        #expect(pipeline.stages.map(\.name) == ["visual", "caption", "text", "answer"])
        let text = pipeline.stages[2]
        #expect(text.expert == .named("ocr"))
        #expect(text.optional)
        #expect(text.deadline == .seconds(20))
        #expect(text.workers == 1)
        #expect(text.line == 7)
        #expect(text.settings.map(\.key) == ["languages"])
        #expect(text.settings[0].position == Position(line: 7, column: 26))
        #expect(pipeline.stages[3].deadline == .seconds(120))
        #expect(!pipeline.stages[3].optional)
    }

    @Test func knowsThreeWaysToAnExpert() throws {
        let pipeline = try Pipeline.read(
            """
            pipeline: p
            stages:
              a: {expert: my-expert_2, workers: 64}
              b: {command: [python3, "my expert.py", "-v", 1]}
              c: {at: "tcp://10.0.0.7:5555", key: gpu-box, deadline: 10ms}
              d: {at: "tcp://[fe80::1]:65535", key: keys/d.key, deadline: 24h}
            """, file: "p.yaml")
        #expect(
            pipeline.stages.map(\.expert) == [
                .named("my-expert_2"), .command(["python3", "my expert.py", "-v", "1"]), .remote("tcp://10.0.0.7:5555"),
                .remote("tcp://[fe80::1]:65535"),
            ])
        #expect(pipeline.stages.map(\.key) == [nil, nil, "gpu-box", "keys/d.key"])
        #expect(pipeline.stages[2].settings.isEmpty)
    }

    @Test(arguments: [
        ("20s", 20_000), ("1m30s", 90_000), ("500ms", 500), ("2h", 7_200_000), ("20", 20_000), ("0.25", 250),
        ("1.5s", 1500),
        ("1h1m1s1ms", 3_661_001),
    ])
    func readsTimes(text: String, milliseconds: Int) {
        #expect(TimeSpan.parse(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "s", "20x", "30s1m", "1s1s", "-5s", "+5", "1e3", "1.2.3", "1 s", ".5", "٣s", "99999999999999", "5s ",
    ])
    func refusesOtherTimes(text: String) {
        #expect(TimeSpan.parse(text) == nil)
    }

    @Test(arguments: [
        ("", "p.yaml:1:1: expected a pipeline, found an empty file"),
        ("# only words\n", "p.yaml:1:1: expected a pipeline, found an empty file"),
        ("- a\n", "p.yaml:1:1: expected a map with the keys pipeline, about, ask, stages, answer, found a list"),
        ("hello", "p.yaml:1:1: expected a map with the keys pipeline, about, ask, stages, answer, found \"hello\""),
        (
            "about: x\n",
            """
            p.yaml:1:1: pipeline: expected a name, found nothing
            p.yaml:1:1: stages: expected a map of stages, found nothing
            """
        ),
        (
            "pipeline: p\nstages:\n",
            "p.yaml:2:8: stages: expected a map of stages such as text: {expert: ocr}, found nothing"
        ),
        (
            "pipeline: p\nstages: {}\n",
            "p.yaml:2:9: stages: expected a map of stages such as text: {expert: ocr}, found an empty map"
        ),
        (
            "pipeline: p\nstages: [a]\n",
            "p.yaml:2:9: stages: expected a map of stages such as text: {expert: ocr}, found a list"
        ),
        (
            "pipeline: p\nstages:\n  a: ocr\n",
            "p.yaml:3:6: stages.a: expected a map such as {expert: ocr}, found \"ocr\""
        ),
        (
            "pipeline: My pipe\nstages:\n  a: {expert: ocr}\n",
            "p.yaml:1:11: pipeline: expected a name of a-z, 0-9, - and _ that begins with a letter, at most 64 characters, found \"My pipe\""
        ),
        (
            "pipeline: p\nstages:\n  2a: {expert: ocr}\n",
            "p.yaml:3:3: stages.2a: expected a name of a-z, 0-9, - and _ that begins with a letter, at most 64 characters, found \"2a\""
        ),
        (
            "pipeline: p\nask: [x]\nabout: {}\nstages:\n  a: {expert: ocr}\n",
            "p.yaml:2:6: ask: expected text, found a list\np.yaml:3:8: about: expected text, found a map"
        ),
        (
            "pipelin: p\nstages:\n  a: {expert: ocr}\n",
            """
            p.yaml:1:1: pipelin: unknown key; did you mean "pipeline"?
            p.yaml:1:1: pipeline: expected a name, found nothing
            """
        ),
        (
            "pipeline: p\nversion: 1\nstages:\n  a: {expert: ocr}\n",
            "p.yaml:2:1: version: unknown key; known: pipeline, about, ask, stages, answer"
        ),
        (
            "pipeline: p\nanswer: anser\nstages:\n  answer: {expert: ocr}\n",
            "p.yaml:2:9: answer: expected the name of a stage, found \"anser\"; did you mean \"answer\"?"
        ),
    ])
    func tellsFaultsOfTheFile(yaml: String, expected: String) {
        #expect(faults(of: yaml) == expected)
    }

    @Test(arguments: [
        ("", "p.yaml:3:3: stages.a: expected expert, command or at, found none of them"),
        (
            "exprt: ocr",
            "p.yaml:3:3: stages.a: expected expert, command or at, found \"exprt\"; did you mean \"expert\"?"
        ),
        (
            "expert: ocr, at: 'tcp://h:1'",
            "p.yaml:3:20: stages.a: expected one of expert, command and at, found expert and at"
        ),
        (
            "expert: ../ocr",
            """
            p.yaml:3:15: stages.a.expert: expected a name of a-z, 0-9, - and _ that begins with a letter, at most 64 characters, \
            found "../ocr"
            """
        ),
        (
            "command: python3 x.py",
            "p.yaml:3:16: stages.a.command: expected a list of words such as [python3, my_expert.py], found \"python3 x.py\""
        ),
        (
            "command: []",
            "p.yaml:3:16: stages.a.command: expected a list of words such as [python3, my_expert.py], found an empty list"
        ),
        (
            "command: [a, [b]]",
            "p.yaml:3:16: stages.a.command: expected a list of words such as [python3, my_expert.py], found a list"
        ),
        (
            "at: 'tcp://host'",
            "p.yaml:3:11: stages.a.at: expected an endpoint such as tcp://host:5555, found \"tcp://host\""
        ),
        (
            "at: 'tcp://:80'",
            "p.yaml:3:11: stages.a.at: expected an endpoint such as tcp://host:5555, found \"tcp://:80\""
        ),
        (
            "at: 'tcp://h:65536'",
            "p.yaml:3:11: stages.a.at: expected an endpoint such as tcp://host:5555, found \"tcp://h:65536\""
        ),
        (
            "at: 'ipc:///x:1'",
            "p.yaml:3:11: stages.a.at: expected an endpoint such as tcp://host:5555, found \"ipc:///x:1\""
        ),
        (
            "at: 'tcp://h:1'",
            "p.yaml:3:7: stages.a.at: expected key: NAME beside it, the worker's public key, since tcp://h:1 is on another machine; found none"
        ),
        (
            "at: 'tcp://127.0.0.1:1', workers: 2",
            "p.yaml:3:7: stages.a.workers: expected 1 for a worker at an address, found 2"
        ),
        ("expert: ocr, key: a", "p.yaml:3:20: stages.a.key: expected it beside at: tcp://…, found no at:"),
        (
            "at: 'tcp://h:1', key: [a]",
            "p.yaml:3:29: stages.a.key: expected the worker's public key: its name, its file, or its 40 characters, found a list"
        ),
        ("expert: ocr, optional: yes", "p.yaml:3:30: stages.a.optional: expected true or false, found \"yes\""),
        ("expert: ocr, optional: 'true'", "p.yaml:3:30: stages.a.optional: expected true or false, found \"true\""),
        ("expert: ocr, optional: ~", "p.yaml:3:30: stages.a.optional: expected true or false, found nothing"),
        ("expert: ocr, workers: 0", "p.yaml:3:29: stages.a.workers: expected a whole number from 1 to 64, found \"0\""),
        (
            "expert: ocr, workers: 65",
            "p.yaml:3:29: stages.a.workers: expected a whole number from 1 to 64, found \"65\""
        ),
        (
            "expert: ocr, workers: -1",
            "p.yaml:3:29: stages.a.workers: expected a whole number from 1 to 64, found \"-1\""
        ),
        (
            "expert: ocr, workers: 1.5",
            "p.yaml:3:29: stages.a.workers: expected a whole number from 1 to 64, found \"1.5\""
        ),
        (
            "expert: ocr, deadline: soon",
            "p.yaml:3:30: stages.a.deadline: expected a time such as 20s, 1m30s or 500ms, found \"soon\""
        ),
        (
            "expert: ocr, deadline: -1s",
            "p.yaml:3:30: stages.a.deadline: expected a time such as 20s, 1m30s or 500ms, found \"-1s\""
        ),
        ("expert: ocr, deadline: 0", "p.yaml:3:30: stages.a.deadline: expected a time from 10ms to 24h, found \"0\""),
        (
            "expert: ocr, deadline: 9ms",
            "p.yaml:3:30: stages.a.deadline: expected a time from 10ms to 24h, found \"9ms\""
        ),
        (
            "expert: ocr, deadline: 25h",
            "p.yaml:3:30: stages.a.deadline: expected a time from 10ms to 24h, found \"25h\""
        ),
        (
            "expert: ocr, deadline: [1s]",
            "p.yaml:3:30: stages.a.deadline: expected a time such as 20s, 1m30s or 500ms, found a list"
        ),
    ])
    func tellsFaultsOfAStage(keys: String, expected: String) {
        #expect(faults(of: stage(keys)) == expected)
    }

    @Test func tellsAllAtOnceInLineOrder() {
        let yaml = """
            pipeline: describe
            stages:
              text: {expert: ocr, deadline: soon}
              text: {expert: ocr}
              Answer: {expert: generator, workers: none}
            answer: nobody
            answer: text
            colour: red
            """
        #expect(
            faults(of: yaml) == """
                p.yaml:3:33: stages.text.deadline: expected a time such as 20s, 1m30s or 500ms, found "soon"
                p.yaml:4:3: stages.text: given twice; the first is in line 3
                p.yaml:5:3: stages.Answer: expected a name of a-z, 0-9, - and _ that begins with a letter, at most 64 characters, \
                found "Answer"
                p.yaml:6:9: answer: expected the name of a stage, found "nobody"; stages: text, Answer
                p.yaml:7:1: answer: given twice; the first is in line 6
                p.yaml:8:1: colour: unknown key; known: pipeline, about, ask, stages, answer
                """)
    }

    @Test func showsAHundredFaultsAndCountsTheRest() throws {
        let yaml = "pipeline: p\nstages:\n  a: {expert: ocr}\n" + (0..<150).map { "key_number_\($0): 1\n" }.joined()
        let lines = faults(of: yaml).split(separator: "\n")
        #expect(lines.count == 101)
        #expect(lines.last == "… and 50 more faults")
        #expect(lines.first?.hasPrefix("p.yaml:4:1: key_number_0: unknown key") == true)
    }

    @Test func tooManyStagesAreAFault() {
        let yaml = "pipeline: p\nstages:\n" + (0...64).map { "  s\($0): {expert: ocr}\n" }.joined()
        #expect(faults(of: yaml) == "p.yaml:2:1: stages: expected at most 64 stages, found 65")
    }

    @Test func norwegianIsALanguage() throws {
        let pipeline = try bound(stage("expert: ocr, languages: [no, off, 007, 1.10, true]"))
        #expect(
            pipeline.stages[0].options["languages"] == .list(["no", "off", "007", "1.10", "true"].map { .string($0) }))
    }
}
