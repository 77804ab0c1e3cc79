/// A value of a pickle. Values lie side by side in a `Pickle` and name each other by place: sharing costs nothing, and
/// no depth of nesting can exhaust the stack.
enum PickleValue {
    typealias Place = Int

    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case text(String)
    case tuple([Place])
    case list([Place])
    case dictionary([(key: Place, value: Place)])
    /// Something that can be named and called, one of those that are known.
    indirect case global(PickleGlobal)
    /// A module of a TorchScript archive; its state is set after it is made.
    case object(state: Place?)
    indirect case storage(PyTorchStorage)
    indirect case tensor(PyTorchTensor)

    /// What the value is, for messages.
    var kind: String {
        switch self {
        case .none: "none"
        case .bool: "a truth value"
        case .int: "an integer"
        case .double: "a float"
        case .text: "a text"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dictionary: "a dictionary"
        case .global: "a function or class"
        case .object: "a module"
        case .storage: "a storage"
        case .tensor: "a tensor"
        }
    }

    /// The values that this one holds.
    fileprivate var children: [Place] {
        switch self {
        case .tuple(let items), .list(let items): items
        case .dictionary(let pairs): pairs.flatMap { [$0.key, $0.value] }
        case .object(let state?): [state]
        default: []
        }
    }
}

/// A pickle that was read: a value that is not part of itself, nested to a bounded depth.
struct Pickle {
    /// Deeper nesting is refused; modules in modules need two levels each.
    static let depthLimit = 100

    let values: [PickleValue]
    let root: PickleValue.Place

    subscript(place: PickleValue.Place) -> PickleValue { values[place] }

    /// Throws `CheckpointError.malformed` if a value contains itself or is nested too deep.
    init(_ values: [PickleValue], root: PickleValue.Place, file: String, key: String) throws(CheckpointError) {
        self.values = values
        self.root = root
        var heights = [Int](repeating: -1, count: values.count)
        var open = [Bool](repeating: false, count: values.count)

        /// Levels from a value down, itself among them.
        func height(_ place: Int, depth: Int) throws(CheckpointError) -> Int {
            if heights[place] >= 0 { return heights[place] }
            guard !open[place] else {
                throw .malformed(
                    file: file, key: key, expected: "values without cycles",
                    found: "\(values[place].kind) inside itself")
            }
            guard depth <= Self.depthLimit else { throw Self.tooDeep(file, key) }
            open[place] = true
            var most = 0
            for child in values[place].children { most = max(most, try height(child, depth: depth + 1)) }
            heights[place] = most + 1
            return most + 1
        }
        guard try height(root, depth: 1) <= Self.depthLimit else { throw Self.tooDeep(file, key) }
    }

    private static func tooDeep(_ file: String, _ key: String) -> CheckpointError {
        .malformed(file: file, key: key, expected: "at most \(depthLimit) levels of nesting", found: "more")
    }
}
