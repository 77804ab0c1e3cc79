import Tensors

/// A TensorProto before its sizes are checked.
struct ONNXTensor {
    private let file: String
    private var name = ""
    private var shape: [Int64] = []
    private var dataType: Int32 = 0
    private var isExternal = false
    private var raw: UnsafeRawBufferPointer?
    /// The fields that hold numbers instead of raw bytes; they may come in several pieces.
    private var typed: [(field: Int, value: ProtobufReader.Value)] = []

    init(_ bytes: UnsafeRawBufferPointer, file: String) throws(CheckpointError) {
        self.file = file
        var reader = ProtobufReader(bytes, file: file, message: "TensorProto")
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, _): try value.integers(into: &shape, file: file, message: "TensorProto.dims")
            case (2, .varint(let number)): dataType = Int32(truncatingIfNeeded: number)
            case (4, _), (5, _), (7, _), (10, _): typed.append((field, value))
            case (8, .bytes): name = value.text ?? ""
            case (9, .bytes(let bytes)): raw = bytes
            case (14, .varint(let number)): isExternal = number == 1
            default: break
            }
        }
    }

    /// Adds the tensor to a directory: in place where the file's encoding allows it, otherwise as a copy.
    func add(to directory: inout TensorDirectory, owner: MappedFile) throws(CheckpointError) {
        guard !isExternal else { return try directory.refuse(name, type: "kept in another file") }
        guard let type = Self.types[dataType] else {
            return try directory.refuse(name, type: "number \(dataType) of ONNX")
        }
        let shape = self.shape.map { Int($0) }
        let bytes: Bytes
        if let raw {
            bytes = Self.bytes(raw, owner: owner)
        } else if typed.count == 1, case .bytes(let packed) = typed[0].value, [4, 10].contains(typed[0].field) {
            // Packed floats and doubles are little-endian and without gaps: the same as raw data.
            bytes = Self.bytes(packed, owner: owner)
        } else {
            bytes = try numbers(type).bytes
        }
        try directory.add(TensorView(name: name, file: file, type: type, shape: shape, bytes: bytes))
    }

    private static func bytes(_ buffer: UnsafeRawBufferPointer, owner: MappedFile) -> Bytes {
        Bytes(base: buffer.baseAddress ?? owner.bytes.base, count: buffer.count, owner: owner)
    }

    /// The typed fields' numbers in the element type's own layout.
    private func numbers(_ type: ElementType) throws(CheckpointError) -> OwnedBytes {
        var floats: [Float] = []
        var doubles: [Double] = []
        var integers: [Int64] = []
        for (field, value) in typed {
            switch (field, value) {
            case (4, .fixed32(let bits)): floats.append(Float(bitPattern: bits))
            case (4, .bytes(let packed)):
                guard packed.count % 4 == 0 else { throw malformed("float_data of 4 bytes each", "\(packed.count) bytes") }
                for at in stride(from: 0, to: packed.count, by: 4) {
                    floats.append(Float(bitPattern: packed.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
                }
            case (10, .fixed64(let bits)): doubles.append(Double(bitPattern: bits))
            case (5, _), (7, _): try value.integers(into: &integers, file: file, message: "\(name) (its numbers)")
            default: throw malformed("one list of numbers", "several encodings")
            }
        }
        switch type {
        case .f32: return OwnedBytes(floats)
        case .f64: return OwnedBytes(doubles)
        case .i64: return OwnedBytes(integers)
        case .i32: return OwnedBytes(integers.map { Int32(truncatingIfNeeded: $0) })
        // Half-precision numbers are kept as their bits.
        case .f16, .bf16: return OwnedBytes(integers.map { UInt16(truncatingIfNeeded: $0) })
        default: return OwnedBytes(integers.map { UInt8(truncatingIfNeeded: $0) })
        }
    }

    private func malformed(_ expected: String, _ found: String) -> CheckpointError {
        .malformed(file: file, key: name, expected: expected, found: found)
    }

    /// TensorProto.DataType.
    private static let types: [Int32: ElementType] = [
        1: .f32, 2: .u8, 3: .i8, 6: .i32, 7: .i64, 9: .bool, 10: .f16, 11: .f64, 16: .bf16,
    ]
}
