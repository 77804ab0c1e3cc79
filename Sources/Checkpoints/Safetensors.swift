import Tensors

/// A safetensors file: eight bytes of header length, a JSON header, then the tensors' data.
///
/// Source: the format's description (huggingface/safetensors). As there, every byte of data belongs to exactly one
/// tensor, and the file ends with the last one.
public final class Safetensors: Checkpoint {
    public let file: String
    /// The strings of `__metadata__`.
    public let metadata: [String: MetadataValue]
    public var names: [String] { directory.names }
    private let directory: TensorDirectory

    /// Larger headers are refused, as the reference does.
    private static let headerLimit = 100_000_000

    /// Maps the file and checks everything but the weights' values.
    public init(path: String) throws(CheckpointError) {
        let mapping = try MappedFile(path: path)
        file = path
        var cursor = ByteCursor(mapping.bytes.buffer, file: path)
        let length = try cursor.integer(UInt64.self, "header length")
        guard length <= Self.headerLimit else {
            throw .malformed(
                file: path, key: "header length", expected: "at most \(Self.headerLimit) bytes", found: "\(length)")
        }
        let text = try cursor.take(length, "header")
        let header = try JSONValue(parsing: text, file: path, depth: 8)
        guard let members = header.members else {
            throw .malformed(file: path, key: "header", expected: "an object", found: header.kind)
        }
        let data = cursor.offset..<mapping.count
        var directory = TensorDirectory(file: path)
        var layout = Layout()
        var metadata: [String: MetadataValue]?
        for member in members {
            if member.name == "__metadata__" {
                guard metadata == nil else {
                    throw .malformed(file: path, key: member.name, expected: "it once", found: "it twice")
                }
                metadata = try Self.metadata(member.value, file: path)
            } else {
                let entry = try Entry(member, file: path, available: data.count)
                layout.add(member.name, entry.range)
                guard let type = entry.type.element else {
                    try directory.refuse(member.name, type: entry.type.name)
                    continue
                }
                let range = data.lowerBound + entry.range.lowerBound..<data.lowerBound + entry.range.upperBound
                try directory.add(
                    TensorView(
                        name: member.name, file: path, type: type, shape: entry.shape, bytes: mapping.bytes(range)))
            }
        }
        try layout.check(file: path, gapless: data.count)
        self.metadata = metadata ?? [:]
        self.directory = directory
    }

    public func view(_ name: String) -> TensorView? { directory.view(name) }

    public func require(_ name: String, shape: [Int]?) throws(CheckpointError) -> TensorView {
        try directory.require(name, shape: shape)
    }

    private static func metadata(_ value: JSONValue, file: String) throws(CheckpointError) -> [String: MetadataValue] {
        guard let members = value.members else {
            throw .malformed(file: file, key: "__metadata__", expected: "an object", found: value.kind)
        }
        var result: [String: MetadataValue] = [:]
        for member in members {
            guard let text = member.value.string, result.updateValue(.string(text), forKey: member.name) == nil else {
                throw .malformed(
                    file: file, key: "__metadata__.\(member.name)", expected: "a string, once",
                    found: member.value.string == nil ? member.value.kind : "it twice")
            }
        }
        return result
    }
}

/// A tensor's line in a safetensors header, checked.
private struct Entry {
    let type: DataType
    let shape: [Int]
    /// Inside the data.
    let range: Range<Int>

    init(_ member: JSONValue.Member, file: String, available: Int) throws(CheckpointError) {
        func malformed(_ key: String, _ expected: String, _ found: String) -> CheckpointError {
            .malformed(file: file, key: "\(member.name)\(key)", expected: expected, found: found)
        }
        guard let fields = member.value.members, fields.count == 3 else {
            throw malformed("", "an object of dtype, shape and data_offsets", member.value.kind)
        }
        guard let name = member.value["dtype"]?.string, let type = DataType(name) else {
            throw malformed(".dtype", "a type name", member.value["dtype"]?.kind ?? "none")
        }
        guard let shape = Self.naturals(member.value["shape"]), let elements = Shape.elements(shape) else {
            throw malformed(".shape", "a list of sizes that fits in memory", member.value["shape"]?.kind ?? "none")
        }
        guard let offsets = Self.naturals(member.value["data_offsets"]), offsets.count == 2, offsets[0] <= offsets[1] else {
            throw malformed(".data_offsets", "a begin and an end", member.value["data_offsets"]?.kind ?? "none")
        }
        guard offsets[1] <= available else {
            throw .truncated(
                file: file, key: member.name, expected: "data up to byte \(offsets[1])",
                found: "\(available) bytes of data")
        }
        guard offsets[1] - offsets[0] == elements * type.size else {
            throw malformed(
                ".data_offsets", "\(elements * type.size) bytes (\(type.name) \(shape))", "\(offsets[1] - offsets[0])")
        }
        self.type = type
        self.shape = shape
        range = offsets[0]..<offsets[1]
    }

    private static func naturals(_ value: JSONValue?) -> [Int]? {
        guard let values = value?.array else { return nil }
        var result: [Int] = []
        for value in values {
            guard case .int(let size) = value, size >= 0 else { return nil }
            result.append(size)
        }
        return result
    }
}

/// A dtype of safetensors, and the element type if it is one that is read here.
private struct DataType {
    let name: String
    let size: Int
    let element: ElementType?

    init?(_ name: String) {
        guard let row = Self.table[name] else { return nil }
        (size, element) = row
        self.name = name
    }

    private static let table: [String: (Int, ElementType?)] = [
        "F64": (8, .f64), "F32": (4, .f32), "F16": (2, .f16), "BF16": (2, .bf16),
        "I64": (8, .i64), "I32": (4, .i32), "I16": (2, nil), "I8": (1, .i8),
        "U64": (8, nil), "U32": (4, nil), "U16": (2, nil), "U8": (1, .u8),
        "BOOL": (1, .bool), "F8_E4M3": (1, nil), "F8_E5M2": (1, nil), "F8_E8M0": (1, nil), "C64": (8, nil),
    ]
}
