/// Bytes to the floats that an encoder was trained on: (byte / 255 − mean) / deviation, per channel.
public struct PixelNormalisation: Sendable, Equatable {
    /// Of red, green, blue, on the scale 0…1.
    public let mean: [Float]
    public let deviation: [Float]

    /// - Precondition: three values each, deviations not zero.
    public init(mean: [Float], deviation: [Float]) {
        precondition(mean.count == 3 && deviation.count == 3 && !deviation.contains(0))
        self.mean = mean
        self.deviation = deviation
    }

    /// CLIP's, from OpenAI's `clip.py`.
    public static let clip = PixelNormalisation(
        mean: [0.48145466, 0.4578275, 0.40821073], deviation: [0.26862954, 0.26130258, 0.27577711])
    /// ImageNet's, which DINOv2 uses.
    public static let imageNet = PixelNormalisation(mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])

    /// - Returns: [3, height, width], red plane first
    public func apply(_ picture: Picture) -> [Float] {
        let count = picture.width * picture.height
        return [Float](unsafeUninitializedCapacity: 3 * count) { buffer, initialised in
            for channel in 0..<3 {
                // 256 inputs are possible; a table also keeps the order of operations of the reference.
                let table = (0..<256).map { (Float($0) / 255 - mean[channel]) / deviation[channel] }
                for i in 0..<count { buffer[channel * count + i] = table[Int(picture.rgb[3 * i + channel])] }
            }
            initialised = 3 * count
        }
    }
}
