import Glibc
import Tensors

/// Collects tensors and writes them as one safetensors file: header length, JSON header, data.
struct SafetensorsWriter {
    private var header: [String] = []
    private var data: [UInt8] = []

    /// Adds values as float32.
    mutating func add(_ name: String, _ tensor: Tensor) {
        let bytes = UnsafeRawBufferPointer(start: tensor.data, count: tensor.count * 4)
        add(name, "F32", tensor.shape, bytes)
    }

    /// Adds values as int32, [count].
    mutating func add(_ name: String, _ values: [Int]) {
        let narrow = values.map { Int32(truncatingIfNeeded: $0) }
        narrow.withUnsafeBytes { add(name, "I32", [values.count], $0) }
    }

    /// Writes the file beside its place and moves it there when it is whole.
    func write(to path: String) throws(ProbeFault) {
        var text = Array("{\(header.joined(separator: ","))}".utf8)
        text += Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
        let draft = path + ".part"
        guard let file = fopen(draft, "w") else { throw ProbeFault("\(draft): \(String(cString: strerror(errno)))") }
        var whole = true
        for part in [length, text, data] where !part.isEmpty {
            whole = fwrite(part, 1, part.count, file) == part.count && whole
        }
        whole = fclose(file) == 0 && whole
        guard whole, rename(draft, path) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(draft)
            throw ProbeFault("\(path): \(reason)")
        }
    }

    private mutating func add(_ name: String, _ type: String, _ shape: [Int], _ bytes: UnsafeRawBufferPointer) {
        let range = "\(data.count),\(data.count + bytes.count)"
        header.append("\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(range)]}")
        data.append(contentsOf: bytes)
    }
}

/// A fault in what was asked for, or in writing the result.
struct ProbeFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
