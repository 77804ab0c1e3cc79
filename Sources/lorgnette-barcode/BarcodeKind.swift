import CZBar

/// A symbology that a pipeline file can name.
enum BarcodeKind: String, CaseIterable {
    case qr, ean13, ean8, upca, upce, code128, code93, code39, codabar, i25, databar

    /// Codes that prove themselves by check digits, or are long enough to be no accident. Codabar and interleaved 2 of 5 are
    /// found in many a striped shirt.
    static let usual: [BarcodeKind] = [.qr, .ean13, .ean8, .upca, .upce, .code128, .code93, .code39]

    var symbol: zbar_symbol_type_t {
        switch self {
        case .qr: ZBAR_QRCODE
        case .ean13: ZBAR_EAN13
        case .ean8: ZBAR_EAN8
        case .upca: ZBAR_UPCA
        case .upce: ZBAR_UPCE
        case .code128: ZBAR_CODE128
        case .code93: ZBAR_CODE93
        case .code39: ZBAR_CODE39
        case .codabar: ZBAR_CODABAR
        case .i25: ZBAR_I25
        case .databar: ZBAR_DATABAR
        }
    }

    init?(_ symbol: zbar_symbol_type_t) {
        guard let kind = BarcodeKind.allCases.first(where: { $0.symbol == symbol }) else { return nil }
        self = kind
    }
}
