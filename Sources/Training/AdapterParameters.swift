import Checkpoints
import Models
import Tensors

/// Makes or reads the parameters of an adapter, by the keys of the official files.
struct AdapterParameters {
    /// Where values come from.
    enum Source {
        case fresh(seed: UInt64)
        /// Values of these groups from a file, the others fresh.
        case file(any Checkpoint, Set<ParameterGroup>, seed: UInt64)
    }

    private(set) var all: [Parameter] = []
    private(set) var faults: [String] = []
    private let file: (any Checkpoint)?
    private let groups: Set<ParameterGroup>
    private var random: SplitMix64

    init(_ source: Source) {
        switch source {
        case .fresh(let seed):
            (file, groups) = (nil, [])
            random = SplitMix64(seed)
        case .file(let checkpoint, let wanted, let seed):
            (file, groups) = (checkpoint, wanted)
            random = SplitMix64(seed)
        }
    }

    /// How a fresh value starts.
    enum Start {
        case zeros
        case ones
        case constant(Float)
        /// A normal distribution of this deviation.
        case normal(Float)
        case copy(Tensor)
    }

    /// The parameter of that key and shape; a key that the file lacks starts as if it were fresh if `isOptional`.
    mutating func take(
        _ name: String, _ shape: [Int], _ kind: ParameterKind, _ group: ParameterGroup, _ start: Start,
        isOptional: Bool = false
    ) -> Parameter {
        let parameter = Parameter(name, kind, group, value(name, shape, group, start, isOptional))
        all.append(parameter)
        return parameter
    }

    private mutating func value(
        _ name: String, _ shape: [Int], _ group: ParameterGroup, _ start: Start, _ isOptional: Bool
    ) -> Tensor {
        if let file, groups.contains(group), !isOptional || file.view(name) != nil {
            do {
                return try file.require(name, shape: shape).tensor()
            } catch {
                faults.append("\(error)")
                return Tensor(shape)
            }
        }
        let tensor = Tensor(shape)
        switch start {
        case .zeros: break
        case .ones: tensor.data.update(repeating: 1, count: tensor.count)
        case .constant(let value): tensor.data.update(repeating: value, count: tensor.count)
        case .normal(let deviation): for i in 0..<tensor.count { tensor.data[i] = random.normal() * deviation }
        case .copy(let other): tensor.data.update(from: other.data, count: tensor.count)
        }
        return tensor
    }
}
