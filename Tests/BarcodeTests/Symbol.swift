/// Barcodes as the standards write them: modules from the left, "1" dark, with their quiet zones.
enum Symbol {
    private static let left = [
        "0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011",
    ]
    /// Which of the six left digits are of the second set, by the digit before them.
    private static let parity = [
        "LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL",
    ]

    /// EAN-13 (ISO/IEC 15420) of twelve digits; the thirteenth is the check digit.
    static func ean13(_ twelve: String) -> (modules: String, digits: String) {
        var digits = twelve.compactMap(\.wholeNumberValue)
        let sum = digits.enumerated().reduce(0) { $0 + $1.element * ($1.offset % 2 == 0 ? 1 : 3) }
        digits.append((10 - sum % 10) % 10)
        var modules = "000000000101"
        for (digit, set) in zip(digits[1...6], parity[digits[0]]) {
            modules += set == "L" ? left[digit] : String(inverted(left[digit]).reversed())
        }
        modules += "01010"
        for digit in digits[7...] { modules += inverted(left[digit]) }
        return (modules + "101000000000", digits.map(String.init).joined())
    }

    /// Widths of bars and spaces of the values 0…105 of Code 128, six a value.
    private static let widths = """
        212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122
        123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323
        131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131
        213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122
        141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 124112
        124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141
        411131 211412 211214 211232
        """.split(whereSeparator: \.isWhitespace)

    /// Code 128 (ISO/IEC 15417), set B: printable ASCII.
    static func code128(_ text: String) -> String {
        let values = text.utf8.map { Int($0) - 32 }
        let check = values.enumerated().reduce(104) { $0 + ($1.offset + 1) * $1.element } % 103
        var modules = "0000000000"
        for value in [104] + values + [check] { modules += drawn(widths[value]) }
        return modules + drawn("2331112") + "0000000000"
    }

    private static func drawn(_ widths: Substring) -> String {
        widths.enumerated().map { index, width in
            String(repeating: index % 2 == 0 ? "1" : "0", count: width.wholeNumberValue ?? 0)
        }.joined()
    }

    private static func inverted(_ modules: String) -> String { String(modules.map { $0 == "1" ? "0" : "1" }) }
}
