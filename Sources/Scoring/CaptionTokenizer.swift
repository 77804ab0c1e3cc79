/// Splits a caption into the words that scores of captions count: lower case, contractions apart, no punctuation.
///
/// After what the COCO evaluation code (tylin/coco-caption, `tokenizer/ptbtokenizer.py`) makes of a caption: the
/// tokens of the Penn Treebank as Stanford CoreNLP 3.4.1 writes them, without those that are punctuation. Not reproduced
/// are rules for what captions do not have: smileys, mail addresses, markup, and a line's effect on the one before it.
public struct CaptionTokenizer {
    /// The words of one caption, in order.
    public static func words(_ caption: String) -> [String] {
        var tokenizer = CaptionTokenizer(caption)
        while tokenizer.at < tokenizer.text.count { tokenizer.step() }
        return tokenizer.words
    }

    private let text: [Unicode.Scalar]
    private var at = 0
    private var words: [String] = []

    private init(_ caption: String) { text = caption.unicodeScalars.flatMap(Self.plain) }

    /// Typographic signs as a typewriter has them.
    private static func plain(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        switch scalar {
        case "“", "”", "„", "«", "»": ["\""]
        case "‘", "’": ["'"]
        case "–", "—", "―": ["-", "-"]
        case "…": [".", ".", "."]
        case "½": [" ", "1", "/", "2"]
        case "¼": [" ", "1", "/", "4"]
        case "¾": [" ", "3", "/", "4"]
        case "£": ["#"]
        case "€": ["$"]
        default: [scalar]
        }
    }

    /// Takes one word, sign or space.
    private mutating func step() {
        let here = text[at]
        switch here {
        case _ where here.isInWord:
            takeWord()
        case "'":
            takeApostrophe()
        case ".", ",", ":":
            if isDigit(at + 1) { takeNumber() } else { at += 1 }
        case "-", "+":
            if isDigit(at + 1) || (at + 2 < text.count && text[at + 1] == "." && isDigit(at + 2)) {
                takeNumber()
            } else {
                if here == "+" { words.append("+") }
                at += 1
            }
        case "!", "?":
            let end = run(from: at) { $0 == "!" || $0 == "?" }
            if end - at > 1 { take(to: end) } else { at = end }
        case "_", "*":
            take(to: run(from: at) { $0 == here })
        case "#", "@":
            // A tag or a name; before a number the sign is a word.
            take(to: isLetter(at + 1) ? run(from: at + 1, \.isInWord) : at + 1)
        case "\"", "`", ";":
            at += 1
        case _ where here.properties.isWhitespace || here.value > 0xFFFF:
            at += 1
        default:
            words.append(Self.brackets[here] ?? String(here).lowercased())
            at += 1
        }
    }

    /// A run of letters and digits with what holds words together: hyphens, strokes, points, some apostrophes.
    private mutating func takeWord() {
        var end = at
        var segment = at  // where the part after the last joining sign begins
        while true {
            end = run(from: end, \.isInWord)
            guard end + 1 < text.count else { break }
            let isNumber = text[at..<end].allSatisfy(\.isDigit)
            switch text[end] {
            case "-", "/", "_": guard text[end + 1].isInWord else { return finish(end) }
            case "&": guard text[end - 1].isCapital, text[end + 1].isCapital else { return finish(end) }
            case ".", ",", ":":
                if isNumber, isDigit(end + 1) { return takeNumber() }
                guard text[end] == ".", isLetter(segment), isLetter(end + 1) else { return finish(end) }
            case "!", "?": guard isLetter(segment), isLetter(end + 1) else { return finish(end) }
            case "@": guard isLetter(end + 1) else { return finish(end) }
            case "'":
                let suffix = run(from: end + 1, \.isInWord)
                if split(word: at..<end, suffix: end + 1..<suffix) { return }
                guard end - at == 1, Self.joined.contains(text[at].lower), isLetter(end + 1) else { return finish(end) }
            default: return finish(end)
            }
            segment = end + 1
            end += 1
        }
        finish(end)
    }

    /// Takes a word and the contraction after it: "do n't", "dog 's". False if there is none.
    private mutating func split(word: Range<Int>, suffix: Range<Int>) -> Bool {
        let ending = string(suffix)
        if ending == "t", text[word.upperBound - 1].lower == "n" {
            if word.count > 1 { words.append(string(word.lowerBound..<word.upperBound - 1)) }
            words.append("n't")
        } else if Self.endings.contains(ending) {
            let isQuoted = ending == "n" && suffix.upperBound < text.count && text[suffix.upperBound] == "'"
            words += [string(word), "'" + ending + (isQuoted ? "'" : "")]
            at = suffix.upperBound + (isQuoted ? 1 : 0)
            return true
        } else if word.count == 1, ["y", "j"].contains(text[word.lowerBound].lower), !suffix.isEmpty {
            words += [string(word) + "'", ending]
        } else {
            return false
        }
        at = suffix.upperBound
        return true
    }

    /// Takes the word that ends before `end`, with its point if that is part of an abbreviation.
    private mutating func finish(_ end: Int) {
        let word = string(at..<end)
        let isAbbreviation = end < text.count && text[end] == "." && keepsPoint(word, at: end)
        if let parts = Self.twoWords[word] {
            words += parts
        } else {
            words.append(isAbbreviation ? word + "." : word)
        }
        at = isAbbreviation ? end + 1 : end
    }

    /// Whether the point at `end` belongs to the word before it.
    private func keepsPoint(_ word: String, at end: Int) -> Bool {
        let next = end + 1 < text.count ? text[end + 1] : " "
        if isLetter(at), [",", ";", ":"].contains(next) { return true }
        if Self.abbreviations.contains(word) { return true }
        let parts = word.split(separator: ".", omittingEmptySubsequences: false)
        if parts.allSatisfy({ $0.count == 1 && $0.unicodeScalars.allSatisfy(\.properties.isAlphabetic) }) {
            return parts.count > 1 || !isSentenceBegun(after: end)
        }
        return Self.numbered.contains(word) && isDigit(run(from: end + 1) { $0 == " " })
    }

    /// After a single letter a point is its own, unless a word follows that often begins a sentence.
    private func isSentenceBegun(after point: Int) -> Bool {
        let begin = run(from: point + 1) { $0 == " " }
        guard begin > point + 1, begin < text.count else { return false }
        let word = String(String.UnicodeScalarView(text[begin..<run(from: begin, \.isInWord)]))
        return Self.openings.contains(word)
    }

    /// A number with points, commas and colons between its digits, and a sign before them.
    private mutating func takeNumber() {
        var end = isDigit(at) ? at : at + 1
        while true {
            end = run(from: end, \.isDigit)
            guard end < text.count, [".", ",", ":"].contains(text[end]), isDigit(end + 1) else { break }
            end += 1
        }
        take(to: end)
    }

    /// An apostrophe that no word stands before: part of some words, else a quotation mark.
    private mutating func takeApostrophe() {
        let end = run(from: at + 1, \.isInWord)
        let word = string(at + 1..<end)
        if word == "tis" || word == "twas" {
            words += ["'t", String(word.dropFirst())]
            at = end
        } else if Self.endings.contains(word) || Self.clipped.contains(word) || isDecade(word, at: at) {
            let isQuoted = word == "n" && end < text.count && text[end] == "'"
            take(to: isQuoted ? end + 1 : end)
        } else {
            at += 1
        }
    }

    /// "80s" in "the '80s", not "10" in "5'10".
    private func isDecade(_ word: String, at apostrophe: Int) -> Bool {
        if apostrophe > 0, text[apostrophe - 1].isInWord { return false }
        let digits = word.unicodeScalars.prefix(while: \.isDigit).count
        return digits == 2 && (word.count == 2 || word.dropFirst(2) == "s")
    }

    private mutating func take(to end: Int) {
        words.append(string(at..<end))
        at = end
    }

    private func string(_ range: Range<Int>) -> String {
        String(String.UnicodeScalarView(text[range])).lowercased()
    }

    private func run(from start: Int, _ isPart: (Unicode.Scalar) -> Bool) -> Int {
        var end = start
        while end < text.count, isPart(text[end]) { end += 1 }
        return end
    }

    private func isDigit(_ index: Int) -> Bool { index < text.count && text[index].isDigit }
    private func isLetter(_ index: Int) -> Bool { index < text.count && text[index].properties.isAlphabetic }

    private static let brackets: [Unicode.Scalar: String] = [
        "(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-",
    ]
    private static let endings: Set<String> = ["s", "m", "d", "ll", "re", "ve", "n"]
    private static let clipped: Set<String> = ["em", "til", "cause"]
    /// Letters that an apostrophe joins to the rest: o'clock, d'or.
    private static let joined: Set<Unicode.Scalar> = ["o", "d", "l", "n", "c"]
    private static let twoWords = [
        "cannot": ["can", "not"], "gonna": ["gon", "na"], "wanna": ["wan", "na"], "gotta": ["got", "ta"],
        "lemme": ["lem", "me"], "gimme": ["gim", "me"],
    ]
    private static let numbered: Set<String> = ["no", "nos", "pp", "fig", "art", "ca", "op"]
    private static let openings: Set<String> = [
        "A", "After", "All", "An", "And", "As", "At", "But", "For", "From", "He", "Her", "His", "How", "I", "If", "In",
        "It", "Its", "On", "She", "So", "That", "The", "Their", "Then", "There", "They", "This", "To", "Two", "We",
        "What", "When", "Where", "Who", "Why", "With", "You",
    ]
    private static let abbreviations = Set(
        """
        mr mrs ms dr st jr sr inc ltd co corp mt ft ave blvd rd jan feb mar apr jun jul aug sep sept oct nov dec mon tue \
        tues wed thu thurs fri etc vs prof rev gov sen rep capt gen col lt sgt hon maj cpl pvt pres supt det dept univ \
        est bros cie al calif fla mich minn mo va wis ariz conn ga ind kan ky md mont neb nev tenn vt colo ala okla ext \
        tel cf adm atty comdr messrs pte bldg intl ph.d
        """.split(separator: " ").map(String.init))
}

extension Unicode.Scalar {
    fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
    fileprivate var isInWord: Bool {
        isDigit || (value <= 0xFFFF && (properties.isAlphabetic || properties.generalCategory == .nonspacingMark))
    }
    fileprivate var isCapital: Bool { properties.isUppercase }
    fileprivate var lower: Unicode.Scalar { properties.lowercaseMapping.unicodeScalars.first ?? self }
}
