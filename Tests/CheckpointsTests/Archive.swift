/// A zip archive that is written entry by entry, stored, for files that PyTorch would not write.
struct Archive {
    private var entries: [(name: [UInt8], bytes: [UInt8], at: Int)] = []
    private(set) var data: [UInt8] = []
    /// Method and flags that the directory states for every entry.
    var method: UInt16 = 0
    var flags: UInt16 = 0

    /// The entries of a PyTorch file around a pickle; its storages are `data/0` and so on.
    init(pickle: [UInt8], storages: [[UInt8]] = [], torchScript: Bool = false) {
        add("a/data.pkl", pickle)
        for (i, bytes) in storages.enumerated() { add("a/data/\(i)", bytes) }
        if torchScript { add("a/constants.pkl", [0x80, 2, 0x29, 0x2E]) }
    }

    mutating func add(_ name: String, _ bytes: [UInt8]) {
        let name = Array(name.utf8)
        entries.append((name, bytes, data.count))
        data += number(UInt32(0x0403_4B50)) + [UInt8](repeating: 0, count: 22)
        data += number(UInt16(name.count)) + number(UInt16(0)) + name + bytes
    }

    /// The whole file; `wide` writes zip64 numbers as if the archive were large.
    func bytes(wide: Bool = false, comment: String = "") -> [UInt8] {
        var file = data
        let full = UInt32.max
        for (name, bytes, at) in entries {
            let size = UInt64(bytes.count)
            let extra = number(UInt16(1)) + number(UInt16(24)) + number(size) + number(size) + number(UInt64(at))
            file += number(UInt32(0x0201_4B50)) + number(UInt32(0)) + number(flags) + number(method)
            file += [UInt8](repeating: 0, count: 8)
            file += number(wide ? full : UInt32(size)) + number(wide ? full : UInt32(size))
            file += number(UInt16(name.count)) + number(UInt16(wide ? extra.count : 0)) + [UInt8](repeating: 0, count: 10)
            file += number(wide ? full : UInt32(at)) + name + (wide ? extra : [])
        }
        let size = UInt64(file.count - data.count)
        if wide {
            let record = UInt64(file.count)
            file += number(UInt32(0x0606_4B50)) + number(UInt64(44)) + [UInt8](repeating: 0, count: 12)
            file += number(UInt64(entries.count)) + number(UInt64(entries.count)) + number(size)
            file += number(UInt64(data.count))
            file += number(UInt32(0x0706_4B50)) + number(UInt32(0)) + number(record) + number(UInt32(1))
        }
        file += number(UInt32(0x0605_4B50)) + number(UInt32(0))
        let count = wide ? UInt16.max : UInt16(entries.count)
        file += number(count) + number(count)
        file += number(wide ? full : UInt32(size)) + number(wide ? full : UInt32(data.count))
        return file + number(UInt16(comment.utf8.count)) + Array(comment.utf8)
    }

    private func number<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}

/// Opcodes of a pickle, for those that are written by hand.
enum Opcodes {
    static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
    static func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
    static func int(_ value: Int) -> [UInt8] { [0x8A, 8] + withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    static func tuple(_ items: [UInt8]...) -> [UInt8] { [0x28] + items.joined() + [0x74] }
    static func dictionary(_ items: [UInt8]...) -> [UInt8] { [0x7D, 0x28] + items.joined() + [0x75] }
    static func pickle(_ opcodes: [UInt8]...) -> [UInt8] { [0x80, 2] + opcodes.joined() + [0x2E] }
    static func call(_ function: [UInt8], _ arguments: [UInt8]...) -> [UInt8] {
        function + [0x28] + arguments.joined() + [0x74, 0x52]
    }

    /// A tensor over `data/0`.
    static func tensor(
        storage: String = "FloatStorage", count: Int = 6, offset: Int = 0, sizes: [Int] = [2, 3], strides: [Int] = [3, 1]
    ) -> [UInt8] {
        func numbers(_ values: [Int]) -> [UInt8] { [0x28] + values.flatMap(int) + [0x74] }
        return call(
            global("torch._utils", "_rebuild_tensor_v2"),
            tuple(text("storage"), global("torch", storage), text("0"), text("cpu"), int(count)) + [0x51],
            int(offset), numbers(sizes), numbers(strides), [0x89], call(global("collections", "OrderedDict")))
    }
}
