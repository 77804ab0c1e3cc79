/// What PyTorch's pickles name and call.
///
/// Source: torch/_utils.py and torch/serialization.py for what the functions mean; torch/csrc/jit/serialization for
/// TorchScript's modules.
extension PickleReader {
    mutating func global(module: String, name: String) throws(CheckpointError) {
        guard let global = PickleGlobal(module: module, name: name, inTorchScript: isTorchScript) else {
            throw unsupported("nothing but tensors, modules and plain values", "\(module).\(name)")
        }
        push(.global(global))
    }

    /// A storage: ("storage", its class, its key, a device, its count of elements).
    func storage(_ place: Place) throws(CheckpointError) -> PyTorchStorage {
        guard case .tuple(let parts) = values[place], parts.count == 5, case .text("storage") = values[parts[0]],
            case .global(.storage(let kind)) = values[parts[1]], case .text(let key) = values[parts[2]],
            case .int(let count) = values[parts[4]]
        else { throw malformed("a storage: its class, key, device and count", values[place].kind) }
        return PyTorchStorage(kind: kind, key: key, count: count)
    }

    /// A call of a function or class.
    mutating func reduce(_ function: Place, arguments: Place) throws(CheckpointError) {
        guard case .global(let global) = values[function] else {
            throw malformed("a function to call", values[function].kind)
        }
        guard case .tuple(let arguments) = values[arguments] else {
            throw malformed("arguments in a tuple", values[arguments].kind)
        }
        switch global {
        case .orderedDictionary:
            guard arguments.isEmpty else { throw malformed("OrderedDict without arguments", "\(arguments.count)") }
            push(.dictionary([]))
        case .tensor: push(.tensor(try tensor(arguments)))
        case .parameter:
            guard let first = arguments.first, case .tensor = values[first] else {
                throw malformed("a parameter's tensor", arguments.first.map { values[$0].kind } ?? "no arguments")
            }
            push(place: first)
        case .same:
            guard let first = arguments.first else { throw malformed("an argument", "none") }
            push(place: first)
        case .storage, .module: throw malformed("a function to call", "a class")
        }
    }

    /// A new object of a class; only TorchScript's modules are made this way.
    mutating func make(_ type: Place, arguments: Place) throws(CheckpointError) {
        guard case .global(.module) = values[type], case .tuple(let arguments) = values[arguments], arguments.isEmpty
        else { throw malformed("a module made without arguments", values[type].kind) }
        push(.object(state: nil))
    }

    private func tensor(_ arguments: [Place]) throws(CheckpointError) -> PyTorchTensor {
        guard arguments.count >= 4, case .storage(let storage) = values[arguments[0]],
            case .int(let offset) = values[arguments[1]], let shape = integers(arguments[2]),
            let strides = integers(arguments[3])
        else { throw malformed("a tensor: its storage, offset, sizes and strides", "other arguments") }
        return PyTorchTensor(storage: storage, offset: offset, shape: shape, strides: strides)
    }

    /// The integers of a tuple; nil for another value or more than a tensor has dimensions.
    private func integers(_ place: Place) -> [Int]? {
        guard case .tuple(let items) = values[place], items.count <= PyTorchTensor.mostDimensions else { return nil }
        var result: [Int] = []
        for item in items {
            guard case .int(let number) = values[item] else { return nil }
            result.append(number)
        }
        return result
    }
}
