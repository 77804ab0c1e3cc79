import Models

/// Where a run's examples come from. The examples of a step depend on the step and the seed alone, so that a run that
/// was interrupted goes on as if it had not been.
public protocol ExampleSource {
    /// How many there are in all.
    var count: Int { get }
    /// The example at `index`, as it is to be seen in the pass `epoch`. Throws an error that names its file.
    func example(_ index: Int, epoch: Int, seed: UInt64) throws -> Example
    /// What a message calls it.
    func name(_ index: Int) -> String
    /// Every token that its examples learn.
    var vocabulary: Set<Int> { get }
}

/// The order in which a source is gone through: shuffled anew for each pass, fixed by the seed.
struct Deck {
    let count: Int
    let seed: UInt64
    private var epoch = -1
    private var order: [Int] = []

    init(count: Int, seed: UInt64) {
        self.count = count
        self.seed = seed
    }

    /// The examples `batch` · `step` … of an endless row of passes: index and pass.
    mutating func draw(_ batch: Int, step: Int) -> [(index: Int, epoch: Int)] {
        (0..<batch).map { i in
            let place = step * batch + i
            if place / count != epoch {
                epoch = place / count
                var random = SplitMix64(seed &+ UInt64(epoch) &* 0x9e37_79b9_7f4a_7c15)
                order = Array(0..<count).shuffled(using: &random)
            }
            return (order[place % count], epoch)
        }
    }
}
