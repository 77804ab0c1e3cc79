import Tensors

/// The mean of the trained weights over the steps of a run's last part: stochastic weight averaging (arXiv 1803.05407).
/// Each step's weights are thrown about by the few captions that it saw; their mean is not, and suits new pictures better.
final class WeightAverage {
    /// By the parameter's name; in its shape.
    private(set) var means: [String: Tensor] = [:]
    /// Steps in the mean.
    private(set) var count = 0

    /// Takes the weights as they are now into the mean.
    func add(_ parameters: [Parameter]) {
        count += 1
        let share = 1 / Float(count)
        for parameter in parameters where parameter.isTrained {
            let (mean, value) = (means[parameter.name] ?? Tensor(parameter.value.shape), parameter.value)
            means[parameter.name] = mean
            for i in 0..<value.count { mean.data[i] += (value.data[i] - mean.data[i]) * share }
        }
    }

    /// What an interrupted run had.
    func restore(_ means: [String: Tensor], count: Int) { (self.means, self.count) = (means, count) }

    /// Calls `body` while the parameters have their means as values; those without one stay as they are.
    func during<Result>(_ parameters: [Parameter], _ body: () throws -> Result) rethrows -> Result {
        func exchange() {
            for parameter in parameters {
                guard let mean = means[parameter.name] else { continue }
                for i in 0..<mean.count { swap(&parameter.value.data[i], &mean.data[i]) }
            }
        }
        exchange()
        defer { exchange() }
        return try body()
    }
}
