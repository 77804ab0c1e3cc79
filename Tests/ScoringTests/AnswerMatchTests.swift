import Scoring
import Testing

@Suite struct AnswerMatchTests {
    @Test(arguments: [
        ("$2.50", "$2.50"), ("$2.50.", "$2.50"), (" \"Sunday\" ", "sunday"), ("The Green Lion", "green  lion"),
        ("gate\nB12", "Gate B12"), ("(7:30)", "7:30"), ("50%", "50%"), ("Café", "CAFÉ"),
    ])
    func sameAnswers(_ answer: String, _ expected: String) {
        let match = AnswerMatch(answer, expected: expected)
        #expect(match.isExact && match.contains)
    }

    @Test(arguments: [
        ("The tea is $2.50.", "$2.50"), ("It closes at 18:00 on Sunday.", "18:00"), ("Platform 5, then left", "5"),
        ("\"Anna Keller\" works there", "Anna Keller"), ("5% of it", "5%"), ("At 7:30.", "7:30"),
    ])
    func answersAmongOtherWords(_ answer: String, _ expected: String) {
        let match = AnswerMatch(answer, expected: expected)
        #expect(!match.isExact && match.contains)
    }

    @Test(arguments: [
        ("2.50", "$2.50"), ("15", "5"), ("5.40", "5"), ("12:30", "2:30"), ("1,500", "500"), ("catalogue", "cat"),
        ("", "5"), ("Sunday", "Saturday"), ("The", "Sunday"), ("18:005", "18:00"), ("B12a", "B12"),
    ])
    func otherAnswers(_ answer: String, _ expected: String) {
        let match = AnswerMatch(answer, expected: expected)
        #expect(!match.isExact && !match.contains)
    }
}
