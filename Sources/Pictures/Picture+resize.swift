extension Picture {
    /// How a picture is resampled.
    public enum Filter: Sendable {
        /// Cubic with a = −0.5 and antialiasing, byte for byte what Pillow computes.
        case bicubic
    }

    /// How half a pixel of a centre crop's offset is rounded.
    public enum CropRounding: Sendable {
        /// To the even neighbour, as torchvision and OpenAI's CLIP.
        case halfEven
        /// Down, as Hugging Face.
        case floor

        func offset(of inner: Int, in outer: Int) -> Int {
            let room = outer - inner
            return self == .floor ? room >> 1 : Int((Double(room) / 2).rounded(.toNearestOrEven))
        }
    }

    /// The picture squeezed or stretched to `width` × `height` pixels.
    public func resized(width: Int, height: Int, filter: Filter = .bicubic) -> Picture {
        precondition(width > 0 && height > 0)
        if width == self.width && height == self.height { return self }
        let resampled = BicubicResampler.resample(
            rgb, width: self.width, height: self.height, to: (width, height), window: (0..<width, 0..<height))
        return Picture(width: width, height: height, rgb: resampled, facts: facts)
    }

    /// The middle `crop` × `crop` pixels of the picture resized so that its shorter side has `shorterSide` pixels, the
    /// longer one in proportion, rounded down. Only what is kept is computed, whatever the aspect ratio.
    /// - Precondition: `crop` is at most `shorterSide`.
    public func resized(shorterSide: Int, crop: Int, rounding: CropRounding = .halfEven) -> Picture {
        precondition(0 < crop && crop <= shorterSide)
        let longer = shorterSide * max(width, height) / min(width, height)
        let size = width <= height ? (width: shorterSide, height: longer) : (width: longer, height: shorterSide)
        let x = rounding.offset(of: crop, in: size.width)
        let y = rounding.offset(of: crop, in: size.height)
        let resampled = BicubicResampler.resample(
            rgb, width: width, height: height, to: size, window: (x..<x + crop, y..<y + crop))
        return Picture(width: crop, height: crop, rgb: resampled, facts: facts)
    }

    /// The part of the picture inside the given rectangle.
    /// - Precondition: the rectangle lies in the picture and is not empty.
    public func cropped(x: Int, y: Int, width: Int, height: Int) -> Picture {
        precondition(x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= self.width && y + height <= self.height)
        var part: [UInt8] = []
        part.reserveCapacity(width * height * 3)
        for line in y..<y + height {
            let start = 3 * (line * self.width + x)
            part += rgb[start..<start + 3 * width]
        }
        return Picture(width: width, height: height, rgb: part, facts: facts)
    }

    /// The middle of the picture.
    /// - Precondition: `width` and `height` are at most the picture's.
    public func centreCropped(width: Int, height: Int, rounding: CropRounding = .halfEven) -> Picture {
        cropped(
            x: rounding.offset(of: width, in: self.width), y: rounding.offset(of: height, in: self.height),
            width: width, height: height)
    }
}
