import Glibc
import Tensors

/// AdamW (arXiv 1711.05101) over an adapter's trained parameters, with gradients clipped by their length, group by
/// group: what one kind of batch does must not reach the parameters of the other.
final class AdamW {
    struct Settings: Sendable, Equatable {
        var beta1: Float = 0.9
        var beta2: Float = 0.99
        var eps: Float = 1e-8
        /// Of matrices; norms, biases, gates, prompts and scales do not decay.
        var decay: Float = 0.01
        /// The longest gradient of a group.
        var clip: Float = 1
    }

    /// Running means of a parameter's gradient and of its square, and how many steps they have seen.
    struct Moments {
        let mean: Tensor
        let square: Tensor
        var steps = 0
    }

    let settings: Settings
    private(set) var moments: [String: Moments] = [:]

    init(_ parameters: [Parameter], _ settings: Settings) {
        self.settings = settings
        for parameter in parameters where parameter.isTrained {
            moments[parameter.name] = Moments(
                mean: Tensor(parameter.value.shape), square: Tensor(parameter.value.shape))
        }
    }

    /// What an interrupted run had of a parameter.
    func restore(_ name: String, mean: Tensor, square: Tensor, steps: Int) {
        moments[name] = Moments(mean: mean, square: square, steps: steps)
    }

    /// The length of the gradients of a group. Throws `TrainingError.notANumber`, naming a parameter, if it has none.
    static func length(_ parameters: [Parameter]) throws(TrainingError) -> Float {
        var sum = 0.0
        for parameter in parameters {
            guard let g = parameter.gradient else { continue }
            let squares = Double(Math.dot(g.data, g.data, g.count))
            guard squares.isFinite else { throw .notANumber(what: "gradient of \(parameter.name)") }
            sum += squares
        }
        return Float(sum.squareRoot())
    }

    /// One step of each trained parameter of `parameters`, one group's, at its own rate; clears their gradients.
    func step(_ parameters: [Parameter], length: Float, rate: (Parameter) -> Float) {
        let clip = length > settings.clip ? settings.clip / length : 1
        for parameter in parameters {
            guard let gradient = parameter.gradient, var moment = moments[parameter.name] else { continue }
            moment.steps += 1
            moments[parameter.name] = moment
            let decays = parameter.value.shape.count > 1 && [.projection, .lora].contains(parameter.kind)
            Math.adamW(
                parameter.value, gradient, mean: moment.mean, square: moment.square,
                .init(
                    rate: rate(parameter), beta1: settings.beta1, beta2: settings.beta2, eps: settings.eps,
                    decay: decays ? settings.decay : 0, gradientScale: clip, step: moment.steps))
            parameter.clearGradient()
        }
    }
}
