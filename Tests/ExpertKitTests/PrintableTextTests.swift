import ExpertKit
import Testing

@Suite struct PrintableTextTests {
    @Test func whatCanBeShownStays() {
        let text = "Größe\t3 µm\n公园 🙂"
        #expect(PrintableText(Array(text.utf8)).text == text)
        #expect(!PrintableText(Array(text.utf8)).isRepaired)
        #expect(PrintableText([UInt8]()).text == "")
    }

    @Test func lineEndsBecomeOne() {
        #expect(PrintableText(Array("a\r\nb\rc\n\r\nd\r".utf8)).text == "a\nb\nc\n\nd\n")
    }

    @Test func controlsGo() {
        let bytes = Array("\u{FEFF}a\u{0}\u{1B}[2Jb\u{7F}\u{85}\u{9B}c".utf8)
        #expect(PrintableText(bytes).text == "a[2Jbc")
        #expect(!PrintableText(bytes).isRepaired)
    }

    @Test func bytesThatAreNoUTF8AreReplacedAndSaid() {
        let repaired = PrintableText([0x61, 0xE9, 0x62, 0xC3])
        #expect(repaired.text == "a\u{FFFD}b\u{FFFD}")
        #expect(repaired.isRepaired)
    }
}
