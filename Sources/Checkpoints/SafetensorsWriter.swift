import Tensors

/// Collects tensors and writes them as one safetensors file: header length, JSON header, data.
///
/// The file appears at its place when it is whole and on disk, or not at all.
public struct SafetensorsWriter {
    private var header: [String] = []
    private var pieces: [Piece] = []
    private var size = 0
    private let metadata: [String: String]

    private enum Piece {
        case floats(Tensor)
        case bytes([UInt8])
    }

    /// `metadata` are the file's own words about itself.
    public init(metadata: [String: String] = [:]) {
        self.metadata = metadata
    }

    /// Adds values as float32; the tensor is read when the file is written.
    public mutating func add(_ name: String, _ tensor: Tensor) {
        add(name, "F32", tensor.shape, bytes: tensor.count * 4, .floats(tensor))
    }

    /// Adds values rounded to float16. Those that have no finite half are kept within its range.
    public mutating func add(_ name: String, halves tensor: Tensor) {
        let most = Float(Float16.greatestFiniteMagnitude)
        let halves = tensor.array.map { Float16(min(max($0, -most), most)) }
        add(name, "F16", tensor.shape, bytes: halves.count * 2, .bytes(halves.withUnsafeBytes { Array($0) }))
    }

    /// Adds values as int32, [count].
    public mutating func add(_ name: String, _ values: [Int]) {
        let narrow = values.map { Int32(truncatingIfNeeded: $0) }
        add(name, "I32", [values.count], bytes: values.count * 4, .bytes(narrow.withUnsafeBytes { Array($0) }))
    }

    /// Writes the file beside its place and moves it there when it is whole. `CheckpointError.unwritable` says why not.
    public func write(to path: String) throws(CheckpointError) {
        var text = Array(("{" + ([metadataText] + header).filter { !$0.isEmpty }.joined(separator: ",") + "}").utf8)
        text += Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
        let file = try DraftFile(path: path)
        try file.write(length)
        try file.write(text)
        for piece in pieces {
            switch piece {
            case .floats(let tensor):
                try file.write(UnsafeRawBufferPointer(start: tensor.data, count: tensor.count * 4))
            case .bytes(let bytes): try file.write(bytes)
            }
        }
        try file.finish()
    }

    private mutating func add(_ name: String, _ type: String, _ shape: [Int], bytes: Int, _ piece: Piece) {
        header.append(
            "\(quoted(name)):{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(size),\(size + bytes)]}")
        size += bytes
        pieces.append(piece)
    }

    private var metadataText: String {
        if metadata.isEmpty { return "" }
        let facts = metadata.sorted { $0.key < $1.key }.map { quoted($0.key) + ":" + quoted($0.value) }
        return "\"__metadata__\":{\(facts.joined(separator: ","))}"
    }

    private func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case let control where control.value < 0x20:
                let digits = String(control.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
