import Models
import Pictures
import Tensors

extension VisionTransformer {
    /// The pixels [3, H, W] that the encoder sees of a picture.
    func pixels(of picture: Picture) -> Tensor {
        let size = configuration.imageSize
        let square = picture.square(
            size, shorterSide: preparation.shorterSide, rounding: preparation.roundsDown ? .floor : .halfEven)
        let normalisation = PixelNormalisation(mean: preparation.mean, deviation: preparation.deviation)
        return Tensor(normalisation.apply(square), [3, size, size])
    }
}
