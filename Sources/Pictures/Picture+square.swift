extension Picture {
    /// The square of `size` × `size` pixels that an encoder sees: the middle of the picture resized so that its shorter
    /// side has `shorterSide` pixels, or, where that is nil, the whole picture squeezed or stretched.
    /// - Precondition: `size` is at most `shorterSide`.
    public func square(_ size: Int, shorterSide: Int?, rounding: CropRounding) -> Picture {
        guard let shorterSide else { return resized(width: size, height: size) }
        return resized(shorterSide: shorterSide, crop: size, rounding: rounding)
    }
}
