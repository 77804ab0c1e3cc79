import Checkpoints

/// What is done to a picture before an encoder sees it: a square of pixels, as large as the encoder's `imageSize`, is
/// made of it and its values are normalised, as (value / 255 − mean) / deviation.
public struct PicturePreparation: Sendable, Equatable {
    public enum Fit: Sendable, Equatable {
        /// The whole picture is squeezed or stretched.
        case squeezed
        /// The picture is resized until its shorter side has so many pixels, and its middle is taken. Half a pixel of the
        /// middle's offset is rounded to the even neighbour (OpenAI) or down (Hugging Face).
        case cropped(shorterSide: Int, roundsDown: Bool)
    }

    public let fit: Fit
    /// Pixels of the shorter side before the middle is taken; nil if the whole picture is squeezed.
    public var shorterSide: Int? { if case .cropped(let side, _) = fit { side } else { nil } }
    public var roundsDown: Bool { if case .cropped(_, let down) = fit { down } else { false } }
    /// Of red, green, blue, on the scale 0…1.
    public let mean: [Float]
    public let deviation: [Float]

    /// Of OpenAI's CLIP (openai/CLIP, clip/clip.py).
    static func openAI(size: Int) -> PicturePreparation {
        PicturePreparation(
            fit: .cropped(shorterSide: size, roundsDown: false), mean: clip.mean, deviation: clip.deviation)
    }

    /// The whole picture with ImageNet's mean and deviation.
    public static let imageNet = PicturePreparation(
        fit: .squeezed, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])

    private static let clip: (mean: [Float], deviation: [Float]) = (
        [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    )
}

extension PicturePreparation: CustomStringConvertible {
    /// In words, as an adapter's file has it.
    public var description: String {
        let numbers =
            switch (mean, deviation) {
            case (Self.imageNet.mean, Self.imageNet.deviation): "ImageNet's mean and deviation"
            case (Self.clip.mean, Self.clip.deviation): "CLIP's mean and deviation"
            default: "mean \(mean), deviation \(deviation)"
            }
        guard let shorterSide else { return "resized without keeping the aspect, bicubic, \(numbers)" }
        return "shorter side resized to \(shorterSide), bicubic, the middle of it, \(numbers)"
    }
}

extension PicturePreparation {
    /// What a CLIP's picture processor does unless its file says otherwise.
    static func huggingFaceCLIP(size: Int) -> PicturePreparation {
        PicturePreparation(
            fit: .cropped(shorterSide: size, roundsDown: true), mean: clip.mean, deviation: clip.deviation)
    }

    /// What `preprocessor_config.json` says, and the side of the square in pixels; nil if there is no such file. Throws
    /// `ModelError.configuration` for what is not known here.
    static func huggingFace(_ folder: HuggingFaceFolder) throws(ModelError) -> (PicturePreparation, size: Int)? {
        guard let path = folder.file("preprocessor_config.json") else { return nil }
        let config: ConfigurationFile
        do {
            config = try ConfigurationFile(path: path)
        } catch {
            throw .configuration(file: path, key: "preprocessor_config.json", expected: "JSON", found: "\(error)")
        }
        for step in ["do_resize", "do_rescale", "do_normalize"] {
            try config.refuse(step, unless: config.flag(step, fallback: true), "true (not supported)")
        }
        try config.refuse("resample", unless: config["resample"].map { $0.int == 3 } ?? true, "3 (bicubic)")
        let scale = try config.number("rescale_factor", fallback: 1.0 / 255)
        try config.refuse("rescale_factor", unless: abs(scale * 255 - 1) < 1e-5, "1 / 255")

        func side(_ key: String) throws(ModelError) -> Int? {
            guard let value = config[key] else { return nil }
            // Older files have one number.
            if value.members == nil { return try config.count(key, most: 4096) }
            let inner = config.inside(key)
            if inner["shortest_edge"] != nil { return try inner.count("shortest_edge", most: 4096) }
            let height = try inner.count("height", most: 4096)
            guard inner["width"]?.int == height else {
                throw inner.fault("width", "\(height), the height", inner["width"]?.kind ?? "none")
            }
            return height
        }
        let isCropped = try config.flag("do_center_crop", fallback: true)
        let size = try side("size") ?? 224
        let crop = isCropped ? try side("crop_size") ?? 224 : size
        // "size" as a number or as a shortest edge keeps the aspect.
        let keepsAspect = config["size"]?["height"] == nil
        guard keepsAspect ? isCropped && crop <= size : crop == size else {
            throw config.fault(
                "crop_size", "a square of pixels inside of the resized picture",
                isCropped ? "\(crop) of \(size)" : "no crop")
        }
        let fit = keepsAspect ? Fit.cropped(shorterSide: size, roundsDown: true) : .squeezed
        let normalised = (try config.triple("image_mean"), try config.triple("image_std"))
        guard !normalised.1.contains(0) else { throw config.fault("image_std", "numbers that are not 0", "a 0") }
        return (PicturePreparation(fit: fit, mean: normalised.0, deviation: normalised.1), crop)
    }
}

extension ConfigurationFile {
    /// Three numbers, one for each channel.
    fileprivate func triple(_ key: String) throws(ModelError) -> [Float] {
        let values = (self[key]?.array ?? []).compactMap { $0.double.map { Float($0) } }
        guard values.count == 3, values.allSatisfy(\.isFinite) else {
            throw fault(key, "three numbers", self[key]?.kind ?? "none")
        }
        return values
    }
}
