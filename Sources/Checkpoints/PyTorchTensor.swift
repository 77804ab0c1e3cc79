import Tensors

/// Elements of one type in an entry of the archive.
struct PyTorchStorage {
    /// A storage class of PyTorch, and the element type if it is one that is read here.
    struct Kind {
        let name: String
        let size: Int
        let element: ElementType?

        init?(_ name: String) {
            guard let row = Self.table[name] else { return nil }
            (size, element) = row
            self.name = name
        }

        private static let table: [String: (Int, ElementType?)] = [
            "DoubleStorage": (8, .f64), "FloatStorage": (4, .f32), "HalfStorage": (2, .f16),
            "BFloat16Storage": (2, .bf16), "LongStorage": (8, .i64), "IntStorage": (4, .i32), "ShortStorage": (2, nil),
            "CharStorage": (1, .i8), "ByteStorage": (1, .u8), "BoolStorage": (1, .bool),
            "ComplexFloatStorage": (8, nil), "ComplexDoubleStorage": (16, nil),
        ]
    }

    let kind: Kind
    /// The entry's name in the folder `data`.
    let key: String
    let count: Int
}

/// A tensor as a pickle describes it: a window on a storage. Nothing is checked yet.
struct PyTorchTensor {
    /// More dimensions than PyTorch allows are refused before they are kept.
    static let mostDimensions = 64

    let storage: PyTorchStorage
    let offset: Int
    let shape: [Int]
    let strides: [Int]

    /// True if the elements follow one another in row-major order.
    private var isContiguous: Bool {
        guard shape.count == strides.count else { return false }
        if shape.contains(0) { return true }
        var expected = 1
        for (size, stride) in zip(shape, strides).reversed() where size != 1 {
            guard stride == expected else { return false }
            expected *= size
        }
        return true
    }

    /// Adds the tensor to a directory as a view of its storage's entry. Types and strides that are not read here are
    /// noted there; sizes that are not in the file are errors.
    func add(
        _ name: String, to directory: inout TensorDirectory, archive: ZipArchive, root: String
    ) throws(CheckpointError) {
        let file = archive.file
        guard let elements = Shape.elements(shape) else {
            throw .malformed(file: file, key: name, expected: "a shape that fits in memory", found: "\(shape)")
        }
        guard let type = storage.kind.element else { return try directory.refuse(name, type: storage.kind.name) }
        guard isContiguous else {
            return try directory.refuse(
                name, expected: "elements in the order of the shape \(shape)", found: "strides \(strides)")
        }
        let bytes = try archive.bytes("\(root)/data/\(storage.key)")
        guard storage.count >= 0, storage.count <= bytes.count / storage.kind.size else {
            throw .truncated(
                file: file, key: name, expected: "\(storage.count) elements of \(storage.kind.size) bytes",
                found: "\(bytes.count) bytes in data/\(storage.key)")
        }
        guard offset >= 0, offset <= storage.count, elements <= storage.count - offset else {
            throw .malformed(
                file: file, key: name, expected: "\(elements) elements from element \(offset) of its storage on",
                found: "\(storage.count) elements in data/\(storage.key)")
        }
        let window = Bytes(
            base: bytes.base + offset * storage.kind.size, count: elements * storage.kind.size, owner: bytes.owner)
        try directory.add(TensorView(name: name, file: file, type: type, shape: shape, bytes: window))
    }
}
