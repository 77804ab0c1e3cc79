import Wire

extension ExpertFailure {
    /// Why a picture could not be decoded, as `PictureError` of Pictures says it.
    /// - Parameters:
    ///   - code: its stable word; `unsupported` and `too_large` have codes of their own
    ///   - message: with expected, found and the file's name
    public static func picture(_ code: String, _ message: String) -> Self {
        switch code {
        case "unsupported": .unsupportedPicture(message)
        case "too_large": .pictureTooLarge(message)
        default: .badPicture(message)
        }
    }
}

extension Lorgnette_V1_PictureFacts {
    /// - Parameters:
    ///   - width: of the upright picture, in pixels, as `height`
    ///   - orientation: EXIF, 1…8
    public init(format: String, width: Int, height: Int, orientation: Int, pages: Int) {
        self.init()
        self.format = format
        self.width = UInt32(clamping: width)
        self.height = UInt32(clamping: height)
        self.orientation = UInt32(clamping: orientation)
        self.pages = UInt32(clamping: pages)
    }
}
