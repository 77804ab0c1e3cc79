import Tensors

/// The functions and classes that a pickle of tensors names. None of them is run as code: each is a rule of
/// `PickleReader`. What is not here is refused by its name.
enum PickleGlobal {
    case orderedDictionary
    /// `_rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks)`
    case tensor
    /// `_rebuild_parameter(tensor, requires_grad, hooks)`, and its form with a state.
    case parameter
    /// Functions whose result is their first argument: `torch.Size`, TorchScript's typed lists.
    case same
    case storage(PyTorchStorage.Kind)
    /// A class that a TorchScript archive defines itself.
    case module

    /// The global of that name; nil if it is not known. Modules are known in TorchScript archives only.
    init?(module: String, name: String, inTorchScript: Bool) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"): self = .tensor
        case ("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_parameter_with_state"):
            self = .parameter
        case ("torch", "Size"): self = .same
        case ("torch.jit._pickle", _) where inTorchScript:
            guard Self.typedLists.contains(name) else { return nil }
            self = .same
        case ("torch", _):
            guard let kind = PyTorchStorage.Kind(name) else { return nil }
            self = .storage(kind)
        default:
            guard inTorchScript, module == "__torch__" || module.hasPrefix("__torch__.") else { return nil }
            self = .module
        }
    }

    private static let typedLists: Set<String> = [
        "build_intlist", "build_doublelist", "build_boollist", "build_tensorlist", "restore_type_tag",
    ]
}
