/// Words that came from outside as bytes, made fit to be shown: UTF-8, line ends as `\n`, no control characters but it and
/// the tab.
public struct PrintableText: Hashable, Sendable {
    public let text: String
    /// Whether bytes that are no UTF-8 were replaced by U+FFFD.
    public let isRepaired: Bool

    public init(_ bytes: some Collection<UInt8>) {
        let valid = String(validating: bytes, as: UTF8.self)
        isRepaired = valid == nil
        text = Self.printable(valid ?? String(decoding: bytes, as: UTF8.self))
    }

    private static func printable(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        var afterReturn = false
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0D: out.append("\n")
            case 0x0A: if !afterReturn { out.append(scalar) }
            case 0x09: out.append(scalar)
            case ..<0x20, 0x7F...0x9F, 0xFEFF: break
            default: out.append(scalar)
            }
            afterReturn = scalar.value == 0x0D
        }
        return String(out)
    }
}
