import Tensors

/// Writes a GGUF of version 3: metadata, the list of tensors, then their data as it comes, tensor by tensor, so that no
/// more than a part of one need be in memory.
///
/// Source: the format's description in ggml (docs/gguf.md).
public struct GGUFWriter {
    /// A value of metadata, in the type that it is written in.
    public enum Value {
        case string(String)
        case uint32(Int)
        case float32(Float)
        case bool(Bool)
        case strings([[UInt8]])
        case int32s([Int])
        case float32s([Float])
    }

    /// A tensor that will be written.
    public struct Entry: Sendable {
        public let name: String
        public let type: ElementType
        /// Outermost dimension first.
        public let shape: [Int]
        public let byteCount: Int
    }

    public private(set) var tensors: [Entry] = []
    /// Key, type and value of each, as in the file.
    private var records: [(key: String, bytes: [UInt8])] = []

    /// Where the data begins and each tensor's data begins.
    static let alignment = 32

    public init() {}

    /// Sets a value, in place of one of that key.
    public mutating func set(_ key: String, _ value: Value) {
        var bytes = Bits()
        bytes.text(Array(key.utf8))
        bytes.value(value)
        put(key, bytes.all)
    }

    /// Takes over a file's metadata, each value as it is; its alignment is its own.
    public mutating func copyMetadata(of gguf: GGUF) {
        for (key, bytes) in gguf.records where key != "general.alignment" {
            put(key, withExtendedLifetime(bytes.owner) { Array(bytes.buffer) })
        }
    }

    private mutating func put(_ key: String, _ bytes: [UInt8]) {
        if let at = records.firstIndex(where: { $0.key == key }) {
            records[at].bytes = bytes
        } else {
            records.append((key, bytes))
        }
    }

    /// Announces the next tensor.
    /// - Precondition: its rows are whole blocks of the type.
    public mutating func add(_ name: String, _ type: ElementType, _ shape: [Int]) {
        guard let elements = Shape.elements(shape), (shape.last ?? 1) % type.blockElements == 0,
            let bytes = type.byteCount(elements: elements)
        else { preconditionFailure("\(name): \(shape) in blocks of \(type.blockElements) (\(type.rawValue))") }
        tensors.append(Entry(name: name, type: type, shape: shape, byteCount: bytes))
    }

    /// Writes the file beside its place and moves it there when it is whole. `data` is asked for each tensor's bytes in
    /// turn, in as many parts as it likes. What it throws ends the writing, and nothing is left behind.
    public func write(
        to path: String, data: (Entry, _ part: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let file = try DraftFile(path: path)
        let header = self.header
        try file.write(header)
        try file.write(Self.padding(after: header.count))
        for tensor in tensors {
            var written = 0
            try data(tensor) { part in
                try file.write(part)
                written += part.count
            }
            precondition(written == tensor.byteCount, "\(tensor.name): \(written) of \(tensor.byteCount) bytes")
            try file.write(Self.padding(after: written))
        }
        try file.finish()
    }

    private var header: [UInt8] {
        var bytes = Bits()
        bytes.all = GGUF.magic
        bytes.integer(UInt32(3))
        bytes.integer(UInt64(tensors.count))
        bytes.integer(UInt64(records.count))
        for record in records { bytes.all += record.bytes }
        var offset = 0
        for tensor in tensors {
            bytes.text(Array(tensor.name.utf8))
            bytes.integer(UInt32(tensor.shape.count))
            for size in tensor.shape.reversed() { bytes.integer(UInt64(size)) }
            bytes.integer(GGUFTensorType.number(of: tensor.type))
            bytes.integer(UInt64(offset))
            offset += tensor.byteCount + Self.padding(after: tensor.byteCount).count
        }
        return bytes.all
    }

    private static func padding(after count: Int) -> [UInt8] {
        Array(repeating: 0, count: (alignment - count % alignment) % alignment)
    }
}

/// Little-endian values one after another.
private struct Bits {
    var all: [UInt8] = []

    mutating func integer<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { all += $0 }
    }

    mutating func text(_ bytes: [UInt8]) {
        integer(UInt64(bytes.count))
        all += bytes
    }

    mutating func value(_ value: GGUFWriter.Value) {
        switch value {
        case .string(let text):
            type(.string)
            self.text(Array(text.utf8))
        case .uint32(let number):
            type(.uint32)
            integer(UInt32(number))
        case .float32(let number):
            type(.float32)
            integer(number.bitPattern)
        case .bool(let flag):
            type(.bool)
            all.append(flag ? 1 : 0)
        case .strings(let texts):
            array(.string, count: texts.count)
            for text in texts { self.text(text) }
        case .int32s(let numbers):
            array(.int32, count: numbers.count)
            for number in numbers { integer(Int32(number)) }
        case .float32s(let numbers):
            array(.float32, count: numbers.count)
            for number in numbers { integer(number.bitPattern) }
        }
    }

    private mutating func type(_ type: GGUFMetadataType) { integer(UInt32(type.rawValue)) }

    private mutating func array(_ type: GGUFMetadataType, count: Int) {
        self.type(.array)
        self.type(type)
        integer(UInt64(count))
    }
}
