import Tensors

/// A GGUF file, versions 2 and 3, little-endian.
///
/// Source: the format's description in ggml (docs/gguf.md). Header, metadata, tensor list, then the tensors' data from
/// the next multiple of `general.alignment` on. Dimensions are stored innermost first and turned round here.
public final class GGUF: Checkpoint {
    public let file: String
    public let version: Int
    public let metadata: [String: MetadataValue]
    public var names: [String] { directory.names }
    private let directory: TensorDirectory
    /// Key, type and value of each metadata entry as they are in the file, for another to take over.
    let records: [(key: String, bytes: Bytes)]

    static let magic = Array("GGUF".utf8)

    /// Maps the file and checks everything but the weights' values.
    public init(path: String) throws(CheckpointError) {
        let mapping = try MappedFile(path: path)
        var cursor = ByteCursor(mapping.bytes.buffer, file: path)
        file = path
        version = try Self.version(&cursor)
        let tensorCount = try cursor.integer(UInt64.self, "tensor count")
        let metadataCount = try cursor.integer(UInt64.self, "metadata count")
        (metadata, records) = try Self.metadata(&cursor, count: metadataCount, owner: mapping)
        let infos = try Self.infos(&cursor, count: tensorCount)
        let alignment = try Self.alignment(metadata, file: path)
        // Without tensors a file may end here, unpadded.
        let start = infos.isEmpty ? cursor.offset : cursor.offset.roundedUp(to: alignment)
        directory = try Self.directory(infos, in: mapping, start: start, alignment: alignment)
    }

    public func view(_ name: String) -> TensorView? { directory.view(name) }

    public func require(_ name: String, shape: [Int]?) throws(CheckpointError) -> TensorView {
        try directory.require(name, shape: shape)
    }

    private static func version(_ cursor: inout ByteCursor) throws(CheckpointError) -> Int {
        let magic = try cursor.take(4, "magic")
        guard magic.elementsEqual(Self.magic) else {
            let found = magic.map { String($0, radix: 16) }.joined(separator: " ")
            throw cursor.malformed("magic", expected: "\"GGUF\"", found: "the bytes \(found)")
        }
        let version = try cursor.integer(UInt32.self, "version")
        guard version == 2 || version == 3 else {
            let bigEndian = version.byteSwapped == 2 || version.byteSwapped == 3
            throw .unsupported(
                file: cursor.file, key: "version", expected: "2 or 3, little-endian",
                found: bigEndian ? "\(version.byteSwapped), big-endian" : "\(version)")
        }
        return Int(version)
    }

    private static func metadata(
        _ cursor: inout ByteCursor, count: UInt64, owner: MappedFile
    ) throws(CheckpointError) -> ([String: MetadataValue], [(key: String, bytes: Bytes)]) {
        var values: [String: MetadataValue] = [:]
        var records: [(key: String, bytes: Bytes)] = []
        for index in 0..<count {
            let start = cursor.offset
            let key = try name(&cursor, "metadata key \(index)")
            guard values[key] == nil else { throw cursor.malformed(key, expected: "each key once", found: "it twice") }
            let type = try cursor.metadataType(key)
            values[key] = try cursor.metadataValue(type, key: key, owner: owner, depth: 0)
            records.append((key, owner.bytes(start..<cursor.offset)))
        }
        return (values, records)
    }

    private static func name(_ cursor: inout ByteCursor, _ what: String) throws(CheckpointError) -> String {
        let bytes = try cursor.metadataString(what)
        guard bytes.count <= 65535, let name = String(validating: bytes, as: UTF8.self) else {
            throw cursor.malformed(what, expected: "at most 65535 bytes of UTF-8", found: "\(bytes.count) other bytes")
        }
        return name
    }

    private struct Info {
        let name: String
        let shape: [Int]
        let type: UInt32
        let offset: UInt64
    }

    private static func infos(_ cursor: inout ByteCursor, count: UInt64) throws(CheckpointError) -> [Info] {
        var infos: [Info] = []
        for index in 0..<count {
            let name = try name(&cursor, "tensor \(index)")
            let rank = try cursor.integer(UInt32.self, name)
            guard rank <= 4 else { throw cursor.malformed(name, expected: "at most 4 dimensions", found: "\(rank)") }
            var shape: [Int] = []
            for _ in 0..<rank {
                let size = try cursor.integer(UInt64.self, name)
                guard let size = Int(exactly: size) else {
                    throw cursor.malformed(name, expected: "a dimension up to \(Int.max)", found: "\(size)")
                }
                shape.insert(size, at: 0)
            }
            let type = try cursor.integer(UInt32.self, name)
            infos.append(Info(name: name, shape: shape, type: type, offset: try cursor.integer(UInt64.self, name)))
        }
        return infos
    }

    private static func alignment(_ metadata: [String: MetadataValue], file: String) throws(CheckpointError) -> Int {
        guard let value = metadata["general.alignment"] else { return 32 }
        guard let alignment = value.int, alignment > 0, alignment <= 1 << 20, alignment & (alignment - 1) == 0 else {
            throw .malformed(
                file: file, key: "general.alignment", expected: "a power of two up to \(1 << 20)",
                found: value.int.map(String.init) ?? value.kind)
        }
        return alignment
    }

    private static func directory(
        _ infos: [Info], in mapping: MappedFile, start: Int, alignment: Int
    ) throws(CheckpointError) -> TensorDirectory {
        var directory = TensorDirectory(file: mapping.path)
        var layout = Layout()
        let available = max(mapping.count - start, 0)
        for info in infos {
            guard let type = GGUFTensorType(number: info.type) else {
                try directory.refuse(info.name, type: "number \(info.type)")
                continue
            }
            guard let elements = Shape.elements(info.shape), (info.shape.last ?? 1) % type.blockElements == 0 else {
                throw .malformed(
                    file: mapping.path, key: info.name,
                    expected: "a shape in blocks of \(type.blockElements) (\(type.name)) that fits in memory",
                    found: "\(info.shape)")
            }
            let (size, overflow) = (elements / type.blockElements).multipliedReportingOverflow(by: type.blockBytes)
            guard info.offset % UInt64(alignment) == 0 else {
                throw .malformed(
                    file: mapping.path, key: info.name, expected: "data at a multiple of \(alignment) bytes",
                    found: "offset \(info.offset)")
            }
            guard !overflow, info.offset <= UInt64(available), size <= available - Int(info.offset) else {
                throw .truncated(
                    file: mapping.path, key: info.name,
                    expected: "\(overflow ? "too many" : "\(size)") bytes of data at offset \(info.offset)",
                    found: "\(available) bytes of data in all")
            }
            // Only a tensor without elements can begin behind the end of the file.
            let begin = min(start + Int(info.offset), mapping.count)
            layout.add(info.name, begin..<begin + size)
            guard let element = type.element else {
                try directory.refuse(info.name, type: type.name)
                continue
            }
            try directory.add(
                TensorView(
                    name: info.name, file: mapping.path, type: element, shape: info.shape,
                    bytes: mapping.bytes(begin..<begin + size)))
        }
        try layout.check(file: mapping.path)
        return directory
    }
}

extension Int {
    /// The next multiple of a power of two; `self` is an offset inside a file, so this cannot overflow.
    fileprivate func roundedUp(to alignment: Int) -> Int { (self + alignment - 1) & ~(alignment - 1) }
}
