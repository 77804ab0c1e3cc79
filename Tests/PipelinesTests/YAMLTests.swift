import Testing

@testable import Pipelines

@Suite struct YAMLTests {
    @Test func anAliasBombDoesNothing() {
        var bomb = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        for (from, to) in zip("abcdefgh", "bcdefghi") {
            bomb += "\(to): &\(to) [\((0..<9).map { _ in "*\(from)" }.joined(separator: ", "))]\n"
        }
        let lines = faults(of: bomb).split(separator: "\n")
        #expect(lines.count == 9)
        #expect(
            lines.first
                == "p.yaml:1:4: a: anchors (&name) and aliases (*name) are not known here; write the value out, or quote it"
        )
        #expect(lines.allSatisfy { $0.hasSuffix("are not known here; write the value out, or quote it") })
        let quoted = bomb.replacing("&", with: "").replacing("*", with: "")
        #expect(!faults(of: quoted).contains("anchors"))
    }

    @Test(arguments: [
        ("pipeline: &p p\nstages: {a: {expert: ocr}}\n", "p.yaml:1:11: pipeline: "),
        ("pipeline: *p\n", "p.yaml:1:11: "),
        ("&a pipeline: p\n", "p.yaml:1:1: &a pipeline: "),
        ("*a : p\n", "p.yaml:1:1: "),
        ("[&a x, *a]\n", "p.yaml:1:8: "),
    ])
    func anchorsAreRefused(yaml: String, place: String) {
        #expect(
            faults(of: yaml) == place
                + "anchors (&name) and aliases (*name) are not known here; write the value out, or quote it")
    }

    @Test func anAnchorBeforeAMapIsExplained() {
        #expect(faults(of: "stages: &s\n  a: {expert: ocr}\n").hasSuffix("write the value out, or quote it"))
        #expect(faults(of: "stages:\n  a: &a {expert: ocr}\n").hasSuffix("write the value out, or quote it"))
    }

    @Test func ampersandsAndQuestionMarksInTextStay() throws {
        let pipeline = try Pipeline.read(
            """
            pipeline: p
            about: R&D & more &c
            ask: "Who? What? & why?"
            stages:
              "a": {expert: ocr, x: 'a &b', y: what? }
              b:
                expert: ocr
                z: |
                  ? is it
                  &so *it* is

            """, file: "p.yaml")
        #expect(pipeline.about == "R&D & more &c")
        #expect(pipeline.ask == "Who? What? & why?")
        #expect(
            pipeline.stages[0].settings.map(\.value.content) == [
                .scalar("a &b", quoted: true), .scalar("what?", quoted: false),
            ])
        #expect(pipeline.stages[1].settings[0].value.content == .scalar("? is it\n&so *it* is\n", quoted: true))
    }

    @Test(arguments: [
        (
            "pipeline: !!python/object p\n",
            "p.yaml:1:11: pipeline: tags (!name) are not known here; write the plain value"
        ),
        ("pipeline: !x [a]\n", "p.yaml:1:11: pipeline: tags (!name) are not known here; write the plain value"),
        ("stages: !x {a: b}\n", "p.yaml:1:9: stages: tags (!name) are not known here; write the plain value"),
        ("{a: b}: c\n", "p.yaml:1:1: expected a word as key, found a list or a map"),
        ("a: {[x]: c}\n", "p.yaml:1:5: a: expected a word as key, found a list or a map"),
        ("a: b\n---\nc: d\n", "p.yaml:2:1: expected one document, found a second one after ---"),
        (
            "a: [b\nc: d\n",
            "p.yaml:2:2: not YAML: did not find expected ',' or ']' (while parsing a flow sequence, line 1)"
        ),
        (
            "a: b\n\tc: d\n",
            "p.yaml:2:1: not YAML: found a tab character that violates indentation (while scanning a plain scalar, line 1); indent with spaces, not tabs"
        ),
        ("a: \u{7}\n", "p.yaml:1:4: not YAML: control characters are not allowed"),
        ("a: \u{F0000}\n", "p.yaml:1:1: expected text, found characters of the private plane 15"),
        (
            "a: 1\n? b\n: 2\n",
            "p.yaml:3:1: not YAML: could not find expected ':' (while scanning a simple key, line 2); keys of the form \"? key\" are not known here; write \"key: value\""
        ),
    ])
    func onlyPlainYAML(yaml: String, expected: String) {
        #expect(faults(of: yaml) == expected)
    }

    @Test func longKeysAreExplained() {
        #expect(
            faults(of: "? a\n") == "p.yaml:1:1: keys of the form \"? key\" are not known here; write \"key: value\"")
    }

    @Test func nestingIsLimited() {
        func nested(_ depth: Int) -> String {
            stage("expert: ocr, x: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth))
        }
        #expect(faults(of: nested(13)).contains("unknown key"))
        #expect(faults(of: nested(15)).contains("nested deeper than 16 levels"))
        #expect(faults(of: nested(990)).contains("nested deeper than 16 levels"))
        #expect(faults(of: nested(100_000)).contains("nested deeper than 16 levels"))
        #expect(faults(of: String(repeating: "- ", count: 100_000)).contains("nested deeper than 16 levels"))
        #expect(faults(of: String(repeating: "? ", count: 100_000)).contains("p.yaml:1:"))
        #expect(faults(of: String(repeating: "{", count: 500_000)).contains("nested deeper than 16 levels"))
        let blocks = (0..<900).map { String(repeating: " ", count: $0) + "k:\n" }.joined()
        #expect(faults(of: blocks).contains("nested deeper than 16 levels"))
    }

    @Test func sizeIsLimited() {
        #expect(
            faults(of: "a: " + String(repeating: "x", count: 1 << 20))
                == "p.yaml:1:1: expected at most 1048576 bytes, found 1048579")
        #expect(
            faults(of: "[" + String(repeating: "x,", count: 30_000) + "]").contains(
                "expected at most 20000 values in a file"))
    }

    @Test func everyDuplicateIsFoundWithItsLine() {
        let yaml = """
            pipeline: p
            stages:
              a: {expert: ocr, layout: page, layout: block, "layout": auto}
              a: {expert: ocr}
              'a': {expert: ocr}
              b: {expert: clock}
            stages: {}
            """
        #expect(
            faults(of: yaml) == """
                p.yaml:3:34: stages.a.layout: given twice; the first is in line 3
                p.yaml:3:49: stages.a.layout: given twice; the first is in line 3
                p.yaml:4:3: stages.a: given twice; the first is in line 3
                p.yaml:5:3: stages.a: given twice; the first is in line 3
                p.yaml:7:1: stages: given twice; the first is in line 2
                """)
    }

    @Test func manyDuplicatesStillEnd() {
        let yaml = "pipeline: p\n" + String(repeating: "ask: x\n", count: 5000)
        #expect(faults(of: yaml).contains("ask"))
    }

    @Test func windowsAndMacTextReadTheSame() throws {
        let unix = try Pipeline.read(describe, file: "p.yaml")
        let windows = try Pipeline.read("\u{FEFF}" + describe.replacing("\n", with: "\r\n"), file: "p.yaml")
        #expect(windows == unix)
        #expect(
            faults(of: "pipeline: p\r\nstages:\r\n  a: {expert: ocr}\r\n  a: {expert: ocr}\r\n")
                == "p.yaml:4:3: stages.a: given twice; the first is in line 3")
    }

    @Test func oddNamesStayOnOneLine() {
        let yaml = "pipeline: p\nstages: {\"a\\nb\\e[31m\": {expert: ocr}}\n"
        #expect(
            faults(of: yaml) == """
                p.yaml:2:10: stages.a\\nb\\u001b[31m: expected a name of a-z, 0-9, - and _ that begins with a letter, \
                at most 64 characters, found "a\\nb\\u001b[31m"
                """)
    }

    @Test(arguments: [
        ("languges", "languages"), ("langauges", "languages"), ("deadlin", "deadline"), ("Optional", "optional"),
        ("txt", "text"),
    ])
    func namesNearby(typed: String, meant: String) {
        #expect(NearestName.of(typed, among: ["languages", "deadline", "optional", "text", "at"]) == meant)
    }

    @Test func farNamesAreNotGuessed() {
        #expect(NearestName.of("colour", among: ["languages", "deadline", "at"]) == nil)
        #expect(NearestName.of("x", among: ["at", "a-b"]) == nil)
        #expect(NearestName.distance("", "ab") == 2)
        #expect(NearestName.distance("abcd", "abdc") == 1)
    }
}
