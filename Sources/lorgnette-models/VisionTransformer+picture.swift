import Models
import Pictures
import Tensors

extension VisionTransformer {
    /// The pixels [3, H, W] that the encoder sees of a picture.
    func pixels(of picture: Picture) -> Tensor {
        let size = configuration.imageSize
        let square =
            switch preparation.fit {
            case .squeezed: picture.resized(width: size, height: size)
            case .cropped(let side, let roundsDown):
                picture.resized(shorterSide: side, crop: size, rounding: roundsDown ? .floor : .halfEven)
            }
        let normalisation = PixelNormalisation(mean: preparation.mean, deviation: preparation.deviation)
        return Tensor(normalisation.apply(square), [3, size, size])
    }
}
